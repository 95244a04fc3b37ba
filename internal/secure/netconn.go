package secure

import (
	"errors"
	"io"
	"net"
	"time"

	"github.com/framerail/framerail/internal/transport"
)

// netConn is a Transport as crypto/tls sees it: the net.Conn below.
type netConn Transport

// errNothingYet is temporary in crypto/tls's eyes: it does not count as the end.
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
		t.mu.Lock()           // what nobody has put TLS on may be read by several
		t.records.came(p[:n]) // for Attach
		t.cut = t.cut || err == io.EOF
		t.mu.Unlock()
		return n, err
	case t.handshake != nil:
		n, err = t.await(p)
	case !t.records.settle():
		return 0, errFlood
	case t.drained || t.budget <= 0:
		return 0, errNothingYet // of what is left below the poller will tell
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

// catchUp writes what had to wait before the connection was detached.
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

// CloseWrite ends the sending direction of what Wrap was given, for a program that uses it
// without TLS.
func (c *netConn) CloseWrite() error {
	half, ok := c.detached.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}

// Close is called by crypto/tls when the handshake's context is done, too: what is
// below is its owner's to close.
func (c *netConn) Close() error {
	if c.detached == nil {
		return nil
	}
	t := (*Transport)(c)
	t.mu.Lock()
	t.drop() // nobody has written it since it was detached
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

// Deadlines are the loop's to keep.

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
