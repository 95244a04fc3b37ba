package server

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"

	"github.com/framerail/framerail/internal/secure"
)

// readAhead is a connection of which some bytes were read before.
type readAhead struct {
	net.Conn
	read     []byte
	run      *running
	remote   netip.AddrPort
	standing standing
	gone     atomic.Bool       // it is no longer counted, or somebody else's to count
	secure   *secure.Transport // nil: plain
	state    *tls.ConnectionState
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
	err := c.Conn.Close()
	c.leave()
	return err
}

// leave has the connection no longer counted, unless it is somebody else's by now.
func (c *readAhead) leave() {
	if c.gone.CompareAndSwap(false, true) {
		c.run.admission.leave(c.remote.Addr(), c.standing)
	}
}

func (c *readAhead) Read(b []byte) (int, error) {
	if len(c.read) == 0 {
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

func keepAhead(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, aheadKey{}, c)
}

// aheadOf is the connection that a server has handed to net/http; nil for others.
func aheadOf(r *http.Request) *readAhead {
	ahead, _ := r.Context().Value(aheadKey{}).(*readAhead)
	return ahead
}
