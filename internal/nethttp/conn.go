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

// Conn is a connection that was handed over to net/http, with the bytes that were read before.
type Conn struct {
	net.Conn                      // TLS, if there is, or limited
	Host     *Host                // the server that has handed it over
	Remote   netip.AddrPort       // the client's address, possibly from a proxy
	Ticket   gate.Ticket          // by which it is counted
	State    *tls.ConnectionState // nil: there is no TLS

	read    []byte
	gone    atomic.Bool       // it is no longer counted, or other code counts it
	limited *limitedConn      // below Conn, or Conn itself
	secure  *secure.Transport // nil: plain
}

// RemoteAddr is the client's address, which may come from a proxy.
func (c *Conn) RemoteAddr() net.Addr {
	if c.Remote.IsValid() {
		return net.TCPAddrFromAddrPort(c.Remote)
	}
	return c.Conn.RemoteAddr()
}

// CloseWrite ends the sending direction. net/http calls it before it closes a connection with an unread
// request, so that the answer is not lost.
func (c *Conn) CloseWrite() error { return closeWrite(c.Conn) }

// Close also takes the connection out of the count.
func (c *Conn) Close() error {
	c.limited.beginClose()
	err := c.Conn.Close()
	c.leave()
	return err
}

// leave takes the connection out of the count, unless other code counts it by now.
func (c *Conn) leave() {
	if c.gone.CompareAndSwap(false, true) {
		c.Host.Gate.Leave(c.Remote.Addr(), c.Ticket)
	}
}

func (c *Conn) Read(b []byte) (int, error) {
	if len(c.read) == 0 {
		// net/http reads a single byte only while it waits for the client to leave, and never of a
		// request.
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

// begin begins a connection of net/http's. The context of its requests ends with its lifetime, so that a
// Handler can end.
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

// NewConn makes a connection to hand over, over the socket nc, with the bytes that were read from it. It keeps
// the limits of the host, and is counted by ticket until it is closed.
func (h *Host) NewConn(nc net.Conn, remote netip.AddrPort, ticket gate.Ticket, read ...[]byte) *Conn {
	limited := &limitedConn{Conn: nc, host: h}
	c := &Conn{Conn: limited, limited: limited, Host: h, Remote: remote, Ticket: ticket, read: bytes.Join(read, nil)}
	limited.onCut = c.leave
	return c
}

// Secure puts TLS on the connection, and detaches it from the transport below.
func (c *Conn) Secure(t *secure.Transport, state *tls.ConnectionState) (below transport.Transport) {
	c.State, c.secure = state, t
	c.Conn, below = t.Detach(c.limited)
	return below
}

// Abort undoes NewConn and Secure for a connection that was not given to net/http. The caller keeps the
// connection and its ticket.
func (c *Conn) Abort() {
	_ = c.limited.Conn.Close()
	if c.secure != nil {
		c.secure.Detach(nil)
	}
}

// Serve calls f, which handles a request. Deadlines that are set meanwhile belong to f.
func (c *Conn) Serve(f func()) {
	c.limited.begin()
	defer c.limited.end()
	f()
}

// Socket returns the socket at the bottom.
func (c *Conn) Socket() net.Conn { return c.limited.Conn }

// ErrLifetime is the cause of a request's context after the connection's MaxLifetime.
var ErrLifetime = errors.New("framerail: " + loop.LifetimeReason)
