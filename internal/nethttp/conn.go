package nethttp

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"

	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/secure"
	"github.com/framerail/framerail/internal/transport"
)

// Conn is a connection that was handed over to net/http, of which some bytes were read
// before.
type Conn struct {
	net.Conn                      // TLS, if there is, or limited
	Host     *Host                // the server that has handed it over
	Remote   netip.AddrPort       // the client's address, which a proxy may have told
	Ticket   gate.Ticket          // by which it is counted
	State    *tls.ConnectionState // nil: there is no TLS

	read    []byte
	gone    atomic.Bool       // it is no longer counted, or somebody else's to count
	limited *limitedConn      // below Conn, or Conn itself
	secure  *secure.Transport // nil: plain
}

// RemoteAddr is the client's, which a proxy may have told.
func (c *Conn) RemoteAddr() net.Addr {
	if c.Remote.IsValid() {
		return net.TCPAddrFromAddrPort(c.Remote)
	}
	return c.Conn.RemoteAddr()
}

// CloseWrite ends the sending direction. net/http does so before it closes a connection on
// which more of a request is coming than it reads, so that its answer is not taken back.
func (c *Conn) CloseWrite() error { return closeWrite(c.Conn) }

// Close tells, too, that there is one connection less.
func (c *Conn) Close() error {
	c.limited.beginClose()
	err := c.Conn.Close()
	c.leave()
	return err
}

// leave has the connection no longer counted, unless it is somebody else's by now.
func (c *Conn) leave() {
	if c.gone.CompareAndSwap(false, true) {
		c.Host.Gate.Leave(c.Remote.Addr(), c.Ticket)
	}
}

func (c *Conn) Read(b []byte) (int, error) {
	if len(c.read) == 0 {
		// net/http reads a single byte while it waits for the client to leave, and never so
		// of a request.
		c.limited.await(len(b) > 1)
		return c.Conn.Read(b)
	}
	n := copy(b, c.read)
	if c.read = c.read[n:]; len(c.read) == 0 {
		c.read = nil // the connection may be kept for long
	}
	return n, nil
}

// connKey is the key of a Conn in the context of its requests.
type connKey struct{}

// begin begins a connection of net/http's. The context of its requests ends with its
// lifetime, so that a Handler which heeds it can come to an end.
func begin(ctx context.Context, nc net.Conn) context.Context {
	c, ok := nc.(*Conn)
	if !ok {
		return ctx
	}
	ctx, cancel := context.WithCancelCause(ctx)
	c.limited.live(loop.Lifespan(c.Host.Platform, c.Host.MaxLifetime), func() { cancel(ErrLifetime) })
	return context.WithValue(ctx, connKey{}, c)
}

// noteState tells a connection what net/http is doing with it.
func noteState(nc net.Conn, state http.ConnState) {
	c, ok := nc.(*Conn)
	if !ok {
		return
	}
	switch state {
	case http.StateActive:
		c.limited.enter(usageActive)
	case http.StateIdle:
		c.limited.enter(usageIdle)
	case http.StateHijacked:
		c.limited.enter(usageGone)
	}
}

// Of is the connection that a server has handed to net/http; nil for others.
func Of(r *http.Request) *Conn {
	c, _ := r.Context().Value(connKey{}).(*Conn)
	return c
}

// NewConn is a connection to hand over whose socket nc is, with the bytes that were read of
// it. It keeps to the limits of the host, and is counted by ticket until it is closed.
func (h *Host) NewConn(nc net.Conn, remote netip.AddrPort, ticket gate.Ticket, read ...[]byte) *Conn {
	limited := &limitedConn{Conn: nc, host: h}
	c := &Conn{Conn: limited, limited: limited, Host: h, Remote: remote, Ticket: ticket, read: bytes.Join(read, nil)}
	limited.onCut = c.leave
	return c
}

// Secure has the connection speak TLS, which it detaches from what is below it.
func (c *Conn) Secure(t *secure.Transport, state *tls.ConnectionState) (below transport.Transport) {
	c.State, c.secure = state, t
	c.Conn, below = t.Detach(c.limited)
	return below
}

// Abort undoes NewConn and Secure for a connection that net/http has not got: whoever has
// called them has the connection still, and its ticket.
func (c *Conn) Abort() {
	_ = c.limited.Conn.Close()
	if c.secure != nil {
		c.secure.Detach(nil)
	}
}

// Serve calls f, which handles a request. Deadlines that are set meanwhile are f's own.
func (c *Conn) Serve(f func()) {
	c.limited.begin()
	defer c.limited.end()
	f()
}

// Socket is the socket at the bottom.
func (c *Conn) Socket() net.Conn { return c.limited.Conn }

// ErrLifetime is why the context of a Handler's request ends whose connection has lived for
// long enough.
var ErrLifetime = errors.New("framerail: " + loop.LifetimeReason)
