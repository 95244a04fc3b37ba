package server

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"

	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/secure"
)

// readAhead is a connection of which some bytes were read before.
type readAhead struct {
	net.Conn
	read   []byte
	run    *running
	remote netip.AddrPort
	ticket gate.Ticket
	gone   atomic.Bool       // it is no longer counted, or somebody else's to count
	lent   *lent             // below Conn, or Conn itself
	secure *secure.Transport // nil: plain
	state  *tls.ConnectionState
}

// RemoteAddr is the client's, which a proxy may have told.
func (c *readAhead) RemoteAddr() net.Addr {
	if c.remote.IsValid() {
		return net.TCPAddrFromAddrPort(c.remote)
	}
	return c.Conn.RemoteAddr()
}

// CloseWrite ends the sending direction. net/http does so before it closes a connection on
// which more of a request is coming than it reads, so that its answer is not taken back.
func (c *readAhead) CloseWrite() error { return closeWrite(c.Conn) }

// Close tells, too, that there is one connection less.
func (c *readAhead) Close() error {
	c.lent.beginClose()
	err := c.Conn.Close()
	c.leave()
	return err
}

// leave has the connection no longer counted, unless it is somebody else's by now.
func (c *readAhead) leave() {
	if c.gone.CompareAndSwap(false, true) {
		c.run.gate.Leave(c.remote.Addr(), c.ticket)
	}
}

func (c *readAhead) Read(b []byte) (int, error) {
	if len(c.read) == 0 {
		// net/http reads a single byte while it waits for the client to leave, and never so
		// of a request.
		c.lent.await(len(b) > 1)
		return c.Conn.Read(b)
	}
	n := copy(b, c.read)
	if c.read = c.read[n:]; len(c.read) == 0 {
		c.read = nil // the connection may be kept for long
	}
	return n, nil
}

// aheadKey is the key of a readAhead in the context of its requests.
type aheadKey struct{}

// beginAhead begins a connection of net/http's. The context of its requests ends with its
// lifetime, so that a Handler which heeds it can come to an end.
func beginAhead(ctx context.Context, nc net.Conn) context.Context {
	c, ok := nc.(*readAhead)
	if !ok {
		return ctx
	}
	ctx, cancel := context.WithCancelCause(ctx)
	c.lent.live(loop.Lifespan(c.run.kernel, c.run.config.MaxLifetime), func() { cancel(errLifetime) })
	return context.WithValue(ctx, aheadKey{}, c)
}

// noteState tells a connection what net/http is doing with it.
func noteState(nc net.Conn, state http.ConnState) {
	c, ok := nc.(*readAhead)
	if !ok {
		return
	}
	switch state {
	case http.StateActive:
		c.lent.enter(lentActive)
	case http.StateIdle:
		c.lent.enter(lentIdle)
	case http.StateHijacked:
		c.lent.enter(lentAway)
	}
}

// aheadOf is the connection that a server has handed to net/http; nil for others.
func aheadOf(r *http.Request) *readAhead {
	ahead, _ := r.Context().Value(aheadKey{}).(*readAhead)
	return ahead
}
