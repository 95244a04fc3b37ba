package nethttp

import (
	"crypto/tls"
	"errors"
	"net"

	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/secure"
	"github.com/framerail/framerail/internal/session"
)

// Take takes the socket, TLS and unread bytes out of a connection from net/http, and closes the connection. If
// that cannot be done, the connection is relayed. Take fails with gate.ErrStopped if the connection was closed
// before.
func (h *Host) Take(nc net.Conn, a *gate.Accepted, o *session.Opening) error {
	c, handed := nc.(*Conn)
	if handed {
		o.Rest = append(o.Rest, c.read...)
	}
	below, over := Unwrap(nc)
	sockets := h.Platform.Sockets()
	if !isSocket(below) && !sockets.IsLent(below) {
		h.carried(a, sockets.Relay(nc, bottom(nc)))
		return nil
	}
	got, err := sockets.Take(below)
	if err != nil {
		return err
	}
	h.carried(a, got)
	own := handed && c.Host == h
	if own && !c.gone.CompareAndSwap(false, true) {
		_ = a.Close() // net/http has closed it before
		return gate.ErrStopped
	}
	a.Secured = over
	if own && IsTCP(below) {
		h.Gate.TCP().Regain(h.Platform.Sockets(), a.FD)
	}
	if handed {
		c.leave() // another server's count
	}
	return nil
}

// carried notes how a loop is to reach the connection. Its client's address is known already.
func (h *Host) carried(a *gate.Accepted, got platform.Accepted) {
	a.FD, a.Below = got.FD, got.Below
	got.Carried(h.Begin, h.End)
}

// bottom is the connection below TLS, and below the wrappers of this package and of package secure.
func bottom(nc net.Conn) net.Conn {
	for {
		over, ok := nc.(interface{ NetConn() net.Conn }) // such as a *tls.Conn
		if !ok {
			break
		}
		below := over.NetConn()
		if below == nil {
			break
		}
		nc = secure.Unwrap(below)
	}
	return unproxied(nc)
}

// Unwrap returns the connection at the bottom of one of net/http's, below known wrappers, and the TLS among
// them.
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

// unproxied is a connection without ProxyListener's wrapper, which is not needed once a request has arrived.
func unproxied(nc net.Conn) net.Conn {
	if c, ok := nc.(*proxied); ok {
		return c.Conn
	}
	return nc
}

// unlimited is the socket below a limitedConn.
func unlimited(nc net.Conn) net.Conn {
	if c, ok := nc.(*limitedConn); ok {
		return c.Conn
	}
	return nc
}

// isSocket reports whether a connection is only its socket.
func isSocket(nc net.Conn) bool {
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		return true
	}
	return false
}

// IsTCP reports whether a connection is a TCP socket.
func IsTCP(nc net.Conn) bool {
	_, ok := nc.(*net.TCPConn)
	return ok
}

// closeWrite ends the sending direction, if the connection's type can.
func closeWrite(nc net.Conn) error {
	half, ok := nc.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}
