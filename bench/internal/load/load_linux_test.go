package load

import (
	"net"
	"testing"
	"time"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/bench/peers"
)

func serve(t *testing.T, name string) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p, err := peers.ByName(name)
	if err != nil {
		t.Fatal(err)
	}
	s := p.New()
	go s.Serve(ln)
	t.Cleanup(func() { s.Close() })
	return ln.Addr().String()
}

// Messages larger than a socket's buffers need the write that continues while
// the echo is being read.
func TestClientsVerifyEchoes(t *testing.T) {
	addr := serve(t, "gws")
	for size, conns := range map[int]int{0: 20, 20: 20, 16 << 10: 3, 8 << 20: 1} {
		l, err := Dial(Options{Addr: addr, Conns: conns, Opcode: wire.Text, Size: size})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Once(); err != nil {
			t.Errorf("%d bytes, once: %v", size, err)
		}
		if n, err := l.PingPong(50 * time.Millisecond); err != nil || n < conns {
			t.Errorf("%d bytes: %d messages, %v", size, n, err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Each way of compressing is one that some server has.
func TestClientsVerifyCompressedEchoes(t *testing.T) {
	for _, p := range peers.Compressing() {
		t.Run(p.Name, func(t *testing.T) {
			addr := serve(t, p.Name)
			for size, conns := range map[int]int{20: 20, 2000: 20, 64 << 10: 3, 1 << 20: 1} {
				l, err := Dial(Options{Addr: addr, Conns: conns, Opcode: wire.Text, Size: size, Offer: wire.Offer})
				if err != nil {
					t.Fatal(err)
				}
				if err := l.Once(); err != nil {
					t.Errorf("%d bytes, once: %v", size, err)
				}
				n, err := l.PingPong(50 * time.Millisecond)
				if err != nil || n < conns {
					t.Errorf("%d bytes: %d messages, %v", size, n, err)
				}
				if least := int64(n+conns) * int64(size) / 2; size >= 2000 && l.Received > least {
					t.Errorf("%d bytes: %d bytes came for %d messages", size, l.Received, n+conns)
				}
				if err := l.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestClientsNeedWhatTheyOffer(t *testing.T) {
	if l, err := Dial(Options{Addr: serve(t, "gws"), Conns: 1, Opcode: wire.Text, Size: 20, Offer: wire.Offer}); err == nil {
		l.Close()
		t.Error("a server that does not compress passes for one that does")
	}
}

// A server that answers with the wrong bytes must fail the run, or the figures
// would be those of a server that does not work.
func TestClientsRefuseAWrongEcho(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		buf := make([]byte, 4096)
		for range 2 {
			if _, err := c.Read(buf); err != nil {
				return
			}
			response := "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
			if buf[0] != 'G' {
				response = "\x81\x03abc"
			}
			if _, err := c.Write([]byte(response)); err != nil {
				return
			}
		}
	}()
	l, err := Dial(Options{Addr: ln.Addr().String(), Conns: 1, Opcode: wire.Text, Size: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Once(); err == nil {
		t.Error("accepted an echo that is not one")
	}
}
