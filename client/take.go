package client

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/nethttp"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/session"
)

// errNotWritable is the error of a RoundTripper whose answer has no connection.
var errNotWritable = errors.New("framerail: the RoundTripper has taken the connection from the answer")

// take takes the connection of an answer, from net/http or from a direct dial, with the bytes that are buffered
// behind it.
func (r *running) take(a *attempt, got *answer) (*newcomer, error) {
	n := &newcomer{
		tenants: r.loops[loop.LeastLoaded(r.engine).Number],
		opening: session.Opening{Request: kept(got.request), Subprotocol: got.subprotocol, Deflate: got.deflate},
		began:   make(chan struct{}), opened: make(chan struct{}),
	}
	if got.direct {
		return n, r.takeDirect(a, got, n)
	}
	body, ok := got.Body.(io.ReadWriteCloser)
	if !ok {
		_ = got.Body.Close()
		return nil, fmt.Errorf("%w: its body is a %T", errNotWritable, got.Body)
	}
	nc := a.conn()
	if socket := r.movable(nc); socket != nil {
		n.opening.Rest = drain(body, socket)
	} else {
		if !r.owns {
			nc = nil // the RoundTripper may have made other requests
		}
		nc = hide(body, nc, got.TLS)
	}
	n.accepted.Remote = platform.AddrPort(nc.RemoteAddr())
	if err := r.host.Take(nc, &n.accepted, &n.opening); err != nil {
		_ = body.Close()
		return nil, err
	}
	a.end(n.accepted.Below != nil) // a relayed connection needs it
	return n, nil
}

// takeDirect takes the connection of a direct dial.
func (r *running) takeDirect(a *attempt, got *answer, n *newcomer) error {
	n.opening.Rest = got.rest
	nc := a.conn()
	over, isSecure := nc.(*tls.Conn)
	if below, known := nethttp.Unwrap(nc); isSecure && known != nil {
		n.opening.Rest = append(n.opening.Rest, drain(over, below)...)
	}
	n.accepted.Remote = platform.AddrPort(nc.RemoteAddr())
	if err := r.host.Take(nc, &n.accepted, &n.opening); err != nil {
		return err
	}
	a.end(n.accepted.Below != nil)
	return nil
}

// drain reads what is buffered above a socket: behind the answer, and in TLS. Its deadline keeps the
// socket from being read.
func drain(body io.Reader, socket net.Conn) (rest []byte) {
	_ = socket.SetReadDeadline(time.Unix(1, 0))
	defer func() { _ = socket.SetReadDeadline(time.Time{}) }()
	var buf [4 << 10]byte
	for {
		n, err := body.Read(buf[:])
		rest = append(rest, buf[:n]...)
		if err != nil {
			return rest // the deadline; anything else comes again on the loop
		}
	}
}

// movable is the socket of a connection that can move to a loop, with TLS or without; nil for others.
func (r *running) movable(nc net.Conn) net.Conn {
	if !r.owns || nc == nil {
		return nil
	}
	if below, _ := nethttp.Unwrap(nc); isSocket(below) {
		return below
	}
	return nil
}
