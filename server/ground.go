package server

import (
	"crypto/tls"
	"errors"
	"net"

	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/secure"
	"github.com/framerail/framerail/internal/session"
)

// take takes the socket, TLS and bytes out of a connection that net/http has given up, and
// closes that, or builds a bridge to it.
func (r *running) take(nc net.Conn, a *gate.Accepted, o *session.Opening) (err error) {
	ahead, handed := nc.(*readAhead)
	if handed {
		o.Rest = append(o.Rest, ahead.read...)
	}
	below, over := unwrap(nc)
	if !isSocket(below) {
		b, err := r.newBridge(nc)
		if err == nil {
			a.FD, a.Below = b.FD(), b
		}
		return err
	}
	a.FD, err = r.kernel.Sockets().Take(below)
	if err != nil {
		return err
	}
	if handed && ahead.run == r && !ahead.gone.CompareAndSwap(false, true) {
		_ = a.Close() // the Close of net/http has come before
		return ErrServerClosed
	}
	_ = below.Close()
	a.Secured = over
	if handed && ahead.run == r && isTCP(below) {
		r.gate.TCP().Regain(r.kernel.Sockets(), a.FD)
	}
	if handed {
		ahead.leave() // another server's count
	}
	return nil
}

// unwrap is the connection at the bottom of one of net/http's, as far as it is known what
// lies in between, and the TLS that does.
func unwrap(nc net.Conn) (net.Conn, *secure.Transport) {
	switch c := nc.(type) {
	case *readAhead:
		if c.secure != nil {
			return unlent(c.secure.Detached()), c.secure
		}
		return unlent(c.Conn), nil
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

// unlent is the socket of a connection that net/http has.
func unlent(nc net.Conn) net.Conn {
	if c, ok := nc.(*lent); ok {
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

// isTCP tells that a connection is a socket of TCP.
func isTCP(nc net.Conn) bool {
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
