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

// Under is a net.Conn over nc to put a TLS server of somebody else's on, such as
// net/http's: [Of] finds its Transport, which can be attached, as after Detach.
func Under(nc net.Conn) net.Conn { return (*netConn)(&Transport{detached: nc}) }

// Of is the detached Transport below a TLS server that was put on what Under made; nil
// for any other.
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

// Bare is what Under was given if c came of it and nothing was put on it; else c.
func Bare(c net.Conn) net.Conn {
	if n, ok := c.(*netConn); ok && n.detached != nil {
		return n.detached
	}
	return c
}
