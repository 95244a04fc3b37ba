package secure

import (
	"errors"
	"io"
	"net"
	"time"

	"github.com/framerail/framerail/internal/transport"
)

// netConn is the net.Conn that crypto/tls reads from and writes to. It is a Transport's lower side.
type netConn Transport

// errNothingYet is a temporary error for crypto/tls, so the connection goes on.
var errNothingYet net.Error = nothingYet{}

type nothingYet struct{}

func (nothingYet) Error() string   { return "tls: nothing has arrived" }
func (nothingYet) Timeout() bool   { return true }
func (nothingYet) Temporary() bool { return true }

func (c *netConn) Read(p []byte) (n int, err error) {
	t := (*Transport)(c)
	switch {
	case t.detached != nil:
		if err := t.catchUp(); err != nil {
			return 0, err
		}
		n, err = t.detached.Read(p)
		t.mu.Lock()           // without TLS several goroutines may read it
		t.records.came(p[:n]) // for Attach
		t.cut = t.cut || err == io.EOF
		t.mu.Unlock()
		return n, err
	case t.handshake != nil:
		n, err = t.await(p)
	case !t.records.settle():
		return 0, errFlood
	case t.drained || t.budget <= 0:
		return 0, errNothingYet // the poller reports what is left below
	default:
		n, err = t.readBelow(p)
		t.drained = n < len(p)
		t.budget -= n
	}
	switch err {
	case transport.ErrWouldBlock:
		err = errNothingYet
	case io.EOF:
		t.cut = true
	}
	t.records.came(p[:n])
	return n, err
}

func (c *netConn) Write(b []byte) (int, error) {
	t := (*Transport)(c)
	if t.detached != nil {
		if err := t.catchUp(); err != nil {
			return 0, err
		}
		return t.detached.Write(b)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.put(b)
}

// catchUp writes the records that waited when the connection was detached.
func (t *Transport) catchUp() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.out == nil {
		return nil
	}
	_, err := t.detached.Write(t.out.B[t.sent:])
	t.drop()
	return err
}

// CloseWrite ends the sending direction of Wrap's argument, for a program that uses it without
// TLS.
func (c *netConn) CloseWrite() error {
	half, ok := c.detached.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}

// Close closes nothing. crypto/tls calls it also when the handshake's context is done, and the
// transport below belongs to its owner.
func (c *netConn) Close() error {
	if c.detached == nil {
		return nil
	}
	t := (*Transport)(c)
	t.mu.Lock()
	t.drop() // no record was written since it was detached
	t.mu.Unlock()
	return c.detached.Close()
}

func (c *netConn) LocalAddr() net.Addr {
	if c.detached != nil {
		return c.detached.LocalAddr()
	}
	return net.TCPAddrFromAddrPort(c.below.LocalAddr())
}

func (c *netConn) RemoteAddr() net.Addr {
	if c.detached != nil {
		return c.detached.RemoteAddr()
	}
	return net.TCPAddrFromAddrPort(c.remote)
}

// The loop keeps the deadlines.

func (c *netConn) SetDeadline(t time.Time) error {
	if c.detached != nil {
		return c.detached.SetDeadline(t)
	}
	return nil
}

func (c *netConn) SetReadDeadline(t time.Time) error {
	if c.detached != nil {
		return c.detached.SetReadDeadline(t)
	}
	return nil
}

func (c *netConn) SetWriteDeadline(t time.Time) error {
	if c.detached != nil {
		return c.detached.SetWriteDeadline(t)
	}
	return nil
}
