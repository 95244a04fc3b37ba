package secure

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/test/testcert"
	"github.com/framerail/framerail/internal/transport"
)

// A handshake is begun exactly when crypto/tls, given what has come, does not wait for more
// of the first record: it answers or fails.
func TestHeard_IsWhenCryptoTLSGoesOn(t *testing.T) {
	var recorded bytes.Buffer
	_ = tls.Client(recorder{&recorded}, &tls.Config{InsecureSkipVerify: true}).Handshake()
	hello := recorded.String()
	for _, sent := range []string{
		"\x16", "\x16\x03\x01\x00", hello[:5], hello[:6], hello[:len(hello)/2], hello[:len(hello)-1], hello,
		hello + "\x17\x03\x03\x00\x01x",
		"\x16\x03\x01\x00\x04\x01\x00\x00", "\x16\x03\x01\x00\x04\x02\x00\x00\x00",
		"\x16\x03\x01\x48\x01", "\x16\x03\x01\x48\x00", "\x16\x03\x01\xff\xff", // RFC 5246 6.2.3
		"\x16\x0f\xff\x01\x00", "\x16\x10\x00\x01\x00", "\x16\x80\x00\x01\x00",
		"\x15\x03\x03\x00\x02\x01", "\x15\x03\x03\x00\x02\x01\x00", "\x14\x03\x03\x00\x01", "\x17\x03\x03\x00\x05", "\x80\x2e\x01\x03\x01",
		"GET ", "GET /", "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
	} {
		t.Run(fmt.Sprintf("%.20q of %d", sent, len(sent)), func(t *testing.T) {
			below, pool := newLink(0), new(buffer.Pool)
			below.up = []byte(sent)
			p := New(below, netip.AddrPort{}, testcert.Config(), pool)
			p.TakeHello([]byte(sent))
			heard := p.Heard()
			p.hello.release()

			waits, ended := make(chan bool, 1), make(chan bool, 1)
			p.Begin((*sync.Cond).Wait, func(bool) { waits <- true })
			go func() { _ = p.Handshake(); ended <- true }()
			wentOn := true
			select {
			case <-ended:
			case <-waits:
				below.mu.Lock()
				wentOn = len(below.first) > 0
				below.mu.Unlock()
				if !p.Waits() {
					t.Error("it is not seen to wait")
				}
				defer func() { <-ended }()
			}
			if heard != wentOn {
				t.Errorf("heard %v, and crypto/tls went on: %v", heard, wentOn)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// hear takes in what has come of the first record.
func (t *Transport) hear(scratch []byte) error {
	n, err := t.ReadHello(scratch)
	if n > 0 {
		t.TakeHello(scratch[:n])
		return nil
	}
	if err == transport.ErrWouldBlock {
		return nil
	}
	return err
}

// What was read of the first record, in any pieces, is what crypto/tls reads.
func TestReadHello_NothingIsLost(t *testing.T) {
	sent := "\x16\x03\x01\x02\x00" + strings.Repeat("0123456789abcdef", 32) + "and what is behind it"
	for seed := range uint64(20) {
		below, pool := newLink(seed), new(buffer.Pool)
		below.up = []byte(sent)
		p := New(below, netip.AddrPort{}, testcert.Config(), pool)
		scratch := make([]byte, 100)
		for !p.Heard() {
			if err := p.hear(scratch); err != nil {
				t.Fatal(err)
			}
		}
		var got []byte
		for len(got) < len(sent) {
			n, err := p.readBelow(scratch[:1+int(seed)])
			if n == 0 && err == nil {
				t.Fatal("nothing was read")
			}
			got = append(got, scratch[:n]...)
		}
		if string(got) != sent {
			t.Errorf("seed %d: read %q", seed, got)
		}
		if n, _ := pool.Lent(); n != 0 {
			t.Errorf("seed %d: %d buffers are still lent", seed, n)
		}
	}
}

// Who leaves with half of it has its buffer given back.
func TestReadHello_CloseGivesItBack(t *testing.T) {
	below, pool := newLink(0), new(buffer.Pool)
	p := New(below, netip.AddrPort{}, testcert.Config(), pool)
	below.up = []byte("\x16\x03\x01\x02\x00half")
	if err := p.hear(make([]byte, 100)); err != nil || p.Heard() {
		t.Fatalf("%v, and all of it was heard: %v", err, p.Heard())
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if n, _ := pool.Lent(); n != 0 {
		t.Errorf("%d buffers are still lent", n)
	}
}
