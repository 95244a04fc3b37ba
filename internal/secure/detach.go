package secure

import (
	"crypto/tls"
	"net"

	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/transport"
)

// Detach moves the TLS connection to nc, a connection over the same socket that blocks,
// for others to use. What was below is the caller's to close, and not by way of t: as soon as
// others have it they may Attach it elsewhere.
func (t *Transport) Detach(nc net.Conn) (over *tls.Conn, below transport.Transport) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.detached = nc
	return t.tls, t.below
}

// Detached is what Detach was last given.
func (t *Transport) Detached() net.Conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.detached
}

// Attach takes a detached connection back, onto a transport over the same socket, once
// nobody uses it or is going to. Something may be there to read already. On the loop.
func (t *Transport) Attach(below transport.Transport, pool *buffer.Pool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.below, t.pool, t.detached, t.closed = below, pool, nil, false
	t.records.handshakeDone()
	t.unread = true
}

// Wrap returns a net.Conn over nc on which somebody else may put a TLS server, such as
// net/http. [Of] finds the Transport below that server. It can be attached, as after Detach.
func Wrap(nc net.Conn) net.Conn { return (*netConn)(&Transport{outbound: outbound{detached: nc}}) }

// Of returns the detached Transport below a TLS server that was put on what Wrap returned.
// It returns nil for any other.
func Of(c *tls.Conn) *Transport {
	n, ok := c.NetConn().(*netConn)
	if !ok {
		return nil
	}
	t := (*Transport)(n)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.detached == nil {
		return nil // a loop has it
	}
	t.tls = c
	return t
}

// Unwrap returns what Wrap was given, if c is what Wrap returned. It returns any other c as
// it is.
func Unwrap(c net.Conn) net.Conn {
	if n, ok := c.(*netConn); ok && n.detached != nil {
		return n.detached
	}
	return c
}
