package secure

import (
	"crypto/tls"
	"net"

	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/transport"
)

// Detach moves the TLS connection to nc, a blocking connection over the same socket, so that
// net/http can use it. The caller closes the transport that was below, and not through t: net/http
// may hand t to another loop at once, which then calls Attach.
func (t *Transport) Detach(nc net.Conn) (over *tls.Conn, below transport.Transport) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.detached = nc
	return t.tls, t.below
}

// Detached returns the net.Conn that Detach was last given.
func (t *Transport) Detached() net.Conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.detached
}

// Attach takes a detached connection back, onto a transport over the same socket. Nothing else may
// use the connection any more. There may be something to read already. On the loop.
func (t *Transport) Attach(below transport.Transport, pool *buffer.Pool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.below, t.pool, t.detached, t.closed = below, pool, nil, false
	t.records.handshakeDone()
	t.unread = true
}

// Wrap returns a net.Conn over nc. Put a TLS server or client on it, as net/http does. [Of] then
// finds the Transport below it, which can be attached as after Detach.
func Wrap(nc net.Conn) net.Conn { return (*netConn)(&Transport{outbound: outbound{detached: nc}}) }

// Of returns the detached Transport below a TLS server or client that was put on Wrap's result. It
// returns nil for any other connection.
func Of(c *tls.Conn) *Transport {
	n, ok := c.NetConn().(*netConn)
	if !ok {
		return nil
	}
	t := (*Transport)(n)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.detached == nil {
		return nil // a loop owns it
	}
	t.tls = c
	return t
}

// Unwrap returns the argument of Wrap, if c is a result of Wrap. It returns any other c
// unchanged.
func Unwrap(c net.Conn) net.Conn {
	if n, ok := c.(*netConn); ok && n.detached != nil {
		return n.detached
	}
	return c
}
