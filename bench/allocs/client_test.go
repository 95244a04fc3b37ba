package allocs

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/framerail/framerail/bench/internal/wire"
	"github.com/framerail/framerail/bench/peers"
)

// client sends one message over and over; nothing in its echo allocates.
type client struct {
	net.Conn
	opcode  byte
	payload []byte
	frame   []byte
	read    []byte
	check   interface {
		Expect(opcode byte, payload []byte)
		Feed([]byte) (done bool, err error)
	}
}

// serve runs one peer's server until the test ends.
func serve(tb testing.TB, p peers.Peer) (addr string) {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := p.New()
	if watched, ok := s.(interface{ Unwatched() }); ok {
		watched.Unwatched()
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("Close: %v", err)
		}
		if err := <-served; err != nil {
			tb.Errorf("Serve: %v", err)
		}
	})
	return ln.Addr().String()
}

// dial connects to a server of p. A server that compresses gets JSON, compressed, and
// its echoes are counted but not inflated: that would allocate. In package load they are.
func dial(tb testing.TB, p peers.Peer, addr string, opcode byte, size int) *client {
	tb.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(10 * time.Minute)); err != nil {
		tb.Fatal(err)
	}
	maskingKey := [4]byte{0x81, 0x02, 0x43, 0xc4}
	cl := &client{Conn: c, opcode: opcode, read: make([]byte, 64<<10)}
	if !p.Compresses {
		cl.payload, cl.check = wire.Payload(size, 1), new(wire.Echo)
		cl.frame = wire.AppendFrame(nil, true, opcode, maskingKey, cl.payload)
		if err := wire.Handshake(c, addr, "/"); err != nil {
			tb.Fatal(err)
		}
		return cl
	}
	agreed, err := wire.HandshakeOffering(c, addr, "/", wire.Offer)
	if err != nil {
		tb.Fatal(err)
	}
	cl.payload, cl.check = wire.Prose(size, 1), new(wire.DeflatedEcho)
	compressed, err := wire.Deflate(cl.payload, agreed.ClientBits)
	if err != nil {
		tb.Fatal(err)
	}
	cl.frame = wire.AppendDeflated(nil, opcode, maskingKey, compressed)
	return cl
}

// echo sends the message and then reads its echo. The sockets' buffers hold the
// largest of the messages here, so that a server that streams does not wait for
// its client; a goroutine that writes meanwhile would allocate now and then.
func (c *client) echo() error {
	c.check.Expect(c.opcode, c.payload)
	if err := c.send(); err != nil {
		return err
	}
	return c.await()
}

func (c *client) send() error {
	_, err := c.Write(c.frame)
	return err
}

// await reads the message that is expected.
func (c *client) await() error {
	for {
		n, err := c.Read(c.read)
		if err != nil {
			return fmt.Errorf("reading the echo: %w", err)
		}
		done, err := c.check.Feed(c.read[:n])
		if err != nil {
			return err
		}
		if done {
			return nil
		}
	}
}

// repeat does one thing over and over.
func repeat(tb testing.TB, n int, do func() error) {
	tb.Helper()
	for range n {
		if err := do(); err != nil {
			tb.Fatal(err)
		}
	}
}
