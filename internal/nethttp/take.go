package nethttp

import (
	"crypto/tls"
	"errors"
	"net"

	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/secure"
	"github.com/framerail/framerail/internal/session"
)

// Take takes the socket, TLS and bytes out of a connection that net/http has given up, and
// closes that, or builds a bridge to it. It fails with gate.ErrStopped if the connection was
// closed before.
func (h *Host) Take(nc net.Conn, a *gate.Accepted, o *session.Opening) (err error) {
	c, handed := nc.(*Conn)
	if handed {
		o.Rest = append(o.Rest, c.read...)
	}
	below, over := Unwrap(nc)
	if !isSocket(below) {
		b, err := h.newBridge(nc)
		if err == nil {
			a.FD, a.Below = b.FD(), b
		}
		return err
	}
	a.FD, err = h.Platform.Sockets().Take(below)
	if err != nil {
		return err
	}
	own := handed && c.Host == h
	if own && !c.gone.CompareAndSwap(false, true) {
		_ = a.Close() // net/http has closed it before
		return gate.ErrStopped
	}
	_ = below.Close()
	a.Secured = over
	if own && IsTCP(below) {
		h.Gate.TCP().Regain(h.Platform.Sockets(), a.FD)
	}
	if handed {
		c.leave() // another server's count
	}
	return nil
}

// Unwrap is the connection at the bottom of one of net/http's, as far as it is known what
// lies in between, and the TLS that does.
func Unwrap(nc net.Conn) (net.Conn, *secure.Transport) {
	switch c := nc.(type) {
	case *Conn:
		if c.secure != nil {
			return unlimited(c.secure.Detached()), c.secure
		}
		return unlimited(c.Conn), nil
	case *tls.Conn:
		if t := secure.Of(c); t != nil {
			return unproxied(t.Detached()), t
		}
	}
	return unproxied(secure.Unwrap(nc)), nil
}

// unproxied is a connection without what ProxyListener has made of it, which matters no
// more once a request has come.
func unproxied(nc net.Conn) net.Conn {
	if c, ok := nc.(*proxied); ok {
		return c.Conn
	}
	return nc
}

// unlimited is the socket of a connection that net/http has.
func unlimited(nc net.Conn) net.Conn {
	if c, ok := nc.(*limitedConn); ok {
		return c.Conn
	}
	return nc
}

// isSocket tells that a connection is its socket and nothing more.
func isSocket(nc net.Conn) bool {
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		return true
	}
	return false
}

// IsTCP tells that a connection is a socket of TCP.
func IsTCP(nc net.Conn) bool {
	_, ok := nc.(*net.TCPConn)
	return ok
}

// closeWrite ends the sending direction of a connection that has two.
func closeWrite(nc net.Conn) error {
	half, ok := nc.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}
