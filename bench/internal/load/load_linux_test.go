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

// run makes load for a moment.
func run(t *testing.T, o Options) Slice {
	t.Helper()
	d, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	s, err := d.Run(50 * time.Millisecond)
	if err != nil {
		t.Errorf("%+v: %v", o, err)
	}
	if s.Messages < min(o.Conns, 10) || s.Elapsed < 50*time.Millisecond || s.Elapsed >= stall {
		t.Errorf("%+v: %d messages in %v", o, s.Messages, s.Elapsed)
	}
	return s
}

// Messages larger than a socket's buffers need the write that continues while
// the echo is being read.
func TestClientsVerifyEchoes(t *testing.T) {
	addr := serve(t, "gws")
	for size, conns := range map[int]int{0: 20, 20: 20, 16 << 10: 3, 8 << 20: 1} {
		run(t, Options{Addr: addr, Kind: Echo, Conns: conns, Size: size})
		l, err := Dial(Options{Addr: addr, Conns: conns, Size: size})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Once(); err != nil {
			t.Errorf("%d bytes, once: %v", size, err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	run(t, Options{Addr: addr, Kind: Echo, Conns: 5, Size: 1000, Text: Cyrillic})
}

func TestClientsKeepMessagesUnderWay(t *testing.T) {
	for _, size := range []int{20, 200 << 10} {
		run(t, Options{Addr: serve(t, "gobwas"), Kind: Echo, Conns: 3, Size: size, Flight: 16})
	}
	run(t, Options{Addr: serve(t, "framerail-tls"), Kind: Echo, Conns: 3, Size: 100, Flight: 16, Secure: true})
}

func TestPacedMessagesAreSentInTime(t *testing.T) {
	s := run(t, Options{Addr: serve(t, "framerail"), Kind: Paced, Conns: 10, Size: 100, Rate: 1000, Large: 64 << 10, Every: 10})
	others := run(t, Options{Addr: serve(t, "framerail"), Kind: Paced, Conns: 10, Size: 100, Rate: 1000, Large: 200, Every: 10, Others: true})
	if left := others.Messages - len(others.Latency); left != others.Messages/10 {
		t.Errorf("of %d messages %d are not timed", others.Messages, left)
	}
	if s.Messages < 20 || s.Messages > 100 {
		t.Errorf("%d messages in 50 ms, of 50 by chance", s.Messages)
	}
	if len(s.Latency) != s.Messages || s.Received < 64<<10 {
		t.Errorf("%d messages, %d latencies, %d bytes", s.Messages, len(s.Latency), s.Received)
	}
}

func TestEveryServerTakesBroadcastsAndHandshakes(t *testing.T) {
	for _, p := range peers.InProcess(append(peers.Broadcasting(), peers.BroadcastingDeflated()...)) {
		t.Run(p.Name, func(t *testing.T) {
			addr := serve(t, p.Name)
			o := Options{Addr: addr, Kind: Broadcast, Conns: 20, Size: 2000}
			if p.Compresses {
				o.Offer = wire.Offer
			}
			s := run(t, o)
			if s.Messages%20 != 0 {
				t.Errorf("%d deliveries to 20 connections", s.Messages)
			}
			if p.Compresses && s.Received > int64(s.Messages)*int64(o.Size)/2 {
				t.Errorf("%d B were received for %d deliveries of %d B", s.Received, s.Messages, o.Size)
			}
			run(t, Options{Addr: addr, Kind: Handshake, Conns: 4})
		})
	}
}

// Each way of compressing is one that some server has.
func TestClientsVerifyCompressedEchoes(t *testing.T) {
	for _, p := range peers.InProcess(peers.Compressing()) {
		t.Run(p.Name, func(t *testing.T) {
			addr := serve(t, p.Name)
			for size, conns := range map[int]int{20: 20, 2000: 20, 64 << 10: 3, 1 << 20: 1} {
				s := run(t, Options{Addr: addr, Kind: Echo, Conns: conns, Size: size, Offer: wire.Offer})
				if size >= 2000 && s.Received > int64(s.Messages)*int64(size)/2 {
					t.Errorf("%d bytes: %d bytes came for %d messages", size, s.Received, s.Messages)
				}
			}
		})
	}
}

func TestQueue(t *testing.T) {
	var q queue
	next := int64(0)
	for i := range int64(1000) {
		q.push(due{at: i})
		if i%3 == 0 {
			continue
		}
		if d := q.pop(); d.at != next {
			t.Fatalf("%d came in place of %d", d.at, next)
		}
		next++
	}
	if cap(q.items) > 1024 {
		t.Errorf("room for %d", cap(q.items))
	}
}

func TestClientsNeedWhatTheyOffer(t *testing.T) {
	if l, err := Dial(Options{Addr: serve(t, "gws"), Conns: 1, Size: 20, Offer: wire.Offer}); err == nil {
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
	l, err := Dial(Options{Addr: ln.Addr().String(), Conns: 1, Size: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Once(); err == nil {
		t.Error("accepted an echo that is not one")
	}
}
