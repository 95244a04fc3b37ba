package servertest

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"iter"
	"net"
	"time"
)

// over is a client's TLS. Its handshake is a coroutine: it runs when bytes have come and
// stops where it needs more. Guarded by the simulation's mu.
type over struct {
	client *Client
	conn   *tls.Conn
	sealed bytes.Buffer // arrived, and not read yet
	outbox []byte       // what must wait for the handshake

	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool // of the handshake
	shook bool                // it is done
	err   error               // it has failed
	ended bool                // nothing more will come
}

// newOver begins a handshake. mu is held.
func newOver(c *Client) *over {
	o := &over{client: c}
	o.conn = tls.Client(overConn{o}, &tls.Config{
		ServerName: "server.test", InsecureSkipVerify: true,
		Time: func() time.Time { return c.sim.now },
	})
	o.next, o.stop = iter.Pull(func(yield func(struct{}) bool) {
		o.yield = yield
		o.err = o.conn.Handshake()
		o.shook = o.err == nil
	})
	o.shake()
	return o
}

// shake goes on with the handshake, and sends what waited for it.
func (o *over) shake() {
	o.next()
	if o.shook && o.outbox != nil {
		_, _ = o.conn.Write(o.outbox)
		o.outbox = nil
	}
}

// write seals and sends. mu is held.
func (o *over) write(b []byte) {
	switch {
	case o.err != nil:
	case o.shook:
		_, _ = o.conn.Write(b)
	default:
		o.outbox = append(o.outbox, b...)
	}
}

// closeWrite says close_notify. mu is held.
func (o *over) closeWrite() { _ = o.conn.CloseWrite() }

// receive opens what has come. mu is held.
func (o *over) receive(b []byte) {
	o.sealed.Write(b)
	if !o.shook && o.err == nil {
		o.shake()
	}
	if o.err != nil {
		o.client.failed(o.err)
		return
	}
	var buf [4096]byte
	for o.shook && !o.ended {
		n, err := o.conn.Read(buf[:])
		o.client.receive(buf[:n])
		if errors.Is(err, errNoMore) {
			return
		}
		if err != nil {
			o.ended = true
			if err != io.EOF { // which is close_notify
				o.client.failed(err)
			}
		}
	}
}

// failed notes that the server's TLS was not what it should be. An alert may be the
// answer to what the client has done.
func (c *Client) failed(err error) {
	var alert *net.OpError
	if !errors.As(err, &alert) || alert.Op != "remote error" {
		c.sim.breachLocked("TLS of %v: %w", c.socket, err)
	}
}

// end ends it with the connection. mu is held.
func (o *over) end() {
	o.ended = true
	o.stop()
}

// overConn is the net.Conn below.
type overConn struct{ *over }

func (o overConn) Read(b []byte) (int, error) {
	for o.sealed.Len() == 0 {
		if o.ended {
			return 0, io.EOF
		}
		if o.shook {
			return 0, errNoMore
		}
		if !o.yield(struct{}{}) {
			return 0, io.EOF
		}
	}
	return o.sealed.Read(b)
}

func (o overConn) Write(b []byte) (int, error) {
	o.client.put(b)
	return len(b), nil
}

func (overConn) Close() error                     { return nil }
func (overConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (overConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (overConn) SetDeadline(time.Time) error      { return nil }
func (overConn) SetReadDeadline(time.Time) error  { return nil }
func (overConn) SetWriteDeadline(time.Time) error { return nil }

// errNoMore is temporary to crypto/tls.
var errNoMore net.Error = noMore{}

type noMore struct{}

func (noMore) Error() string   { return "servertest: nothing has arrived" }
func (noMore) Timeout() bool   { return true }
func (noMore) Temporary() bool { return true }
