package conn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/session"
)

// NetConn returns a net.Conn that reads and writes the connection as one stream of bytes, for a tunnel,
// or for a protocol that knows no messages. The bytes are carried in messages of type t. Call it where
// [Conn.Messages] may be called; Read takes the place of Receive.
//
// Write waits until there is room, as [Conn.SendWait] does. It cuts what is long into binary messages of
// at most 32 KiB. A text message is what one Write was given, and must be UTF-8. A message of the
// other type closes the connection with 1003 (Unsupported Data).
//
// Deadlines end a Read or Write with [os.ErrDeadlineExceeded], and not the connection. Close closes it
// with 1000 (Normal Closure) and does not wait. Read returns io.EOF where Receive's error matches that.
//
// Read and Write wait, so on an event loop they fail with [ErrOnLoop].
func NetConn(c *Conn, t MessageType) net.Conn {
	n := &netConn{conn: c, typ: t, failed: session.Incoming{Conn: (*session.Conn)(c)}.Ask()}
	n.reads.set(time.Time{})
	n.writes.set(time.Time{})
	return n
}

// netConnPart is how many bytes of a Write one binary message carries, at most.
const netConnPart = 32 << 10

// netConn is a net.Conn over messages.
type netConn struct {
	conn   *Conn
	typ    MessageType
	closed atomic.Bool

	reads, writes deadline

	reading sync.Mutex
	rest    []byte // guarded by reading: of the last message
	failed  error  // guarded by reading: what Read returns from now on

	writing sync.Mutex // held by Write, so that its messages stay together
}

// Read implements net.Conn.
func (n *netConn) Read(p []byte) (int, error) {
	n.reading.Lock()
	defer n.reading.Unlock()
	err := n.within(&n.reads, func(ctx context.Context) error {
		for len(n.rest) == 0 && n.failed == nil && len(p) > 0 {
			m, err := n.conn.Receive(ctx)
			if err != nil {
				return err
			}
			if m.Type != n.typ {
				n.failed = fmt.Errorf("framerail: a message of type %v, where %v was expected", m.Type, n.typ)
				_ = n.conn.Close(frame.UnsupportedData, "unexpected type of message") // it may be closing already
			}
			n.rest = m.Payload
		}
		return ctx.Err()
	})
	switch {
	case err != nil:
		return 0, err
	case n.failed != nil:
		return 0, n.failed
	}
	k := copy(p, n.rest)
	n.rest = n.rest[k:]
	return k, nil
}

// Write implements net.Conn.
func (n *netConn) Write(p []byte) (written int, err error) {
	n.writing.Lock()
	defer n.writing.Unlock()
	for written < len(p) && err == nil {
		part := p[written:]
		if n.typ == Binary {
			part = part[:min(len(part), netConnPart, n.conn.Limits().MaxPending/2)]
		}
		err = n.within(&n.writes, func(ctx context.Context) error {
			return n.conn.SendWait(ctx, Message{Type: n.typ, Payload: part})
		})
		if err == nil {
			written += len(part)
		}
	}
	return written, err
}

// within calls f with a context that ends at the deadline, and again if the deadline was changed
// meanwhile.
func (n *netConn) within(d *deadline, f func(context.Context) error) error {
	for {
		ctx := d.current()
		err := f(ctx)
		switch {
		case n.closed.Load():
			return net.ErrClosed
		case err == nil:
			return nil
		case err != ctx.Err():
			if errors.Is(err, io.EOF) {
				return io.EOF
			}
			return err
		case ctx == d.current():
			return os.ErrDeadlineExceeded
		}
	}
}

// Close implements net.Conn.
func (n *netConn) Close() error {
	if n.closed.Swap(true) {
		return net.ErrClosed
	}
	n.reads.end()
	n.writes.end()
	if err := n.conn.Close(frame.NormalClosure, ""); err != nil && !errors.Is(err, ErrClosed) {
		return err
	}
	return nil
}

// LocalAddr implements net.Conn.
func (n *netConn) LocalAddr() net.Addr { return netAddr(n.conn.LocalAddr()) }

// RemoteAddr implements net.Conn.
func (n *netConn) RemoteAddr() net.Addr { return netAddr(n.conn.RemoteAddr()) }

// netAddr is an address as package net has it: of a unix socket, one without a name.
func netAddr(a netip.AddrPort) net.Addr {
	if !a.IsValid() {
		return &net.UnixAddr{Net: "unix"}
	}
	return net.TCPAddrFromAddrPort(a)
}

// SetDeadline implements net.Conn.
func (n *netConn) SetDeadline(t time.Time) error {
	n.reads.set(t)
	n.writes.set(t)
	return nil
}

// SetReadDeadline implements net.Conn.
func (n *netConn) SetReadDeadline(t time.Time) error {
	n.reads.set(t)
	return nil
}

// SetWriteDeadline implements net.Conn.
func (n *netConn) SetWriteDeadline(t time.Time) error {
	n.writes.set(t)
	return nil
}

// deadline makes the contexts of calls that end at a time.
type deadline struct {
	mu     sync.Mutex
	ctx    context.Context
	cancel context.CancelFunc // ends the calls that have ctx
	ended  bool
}

// set has calls end at t; never, if that is zero. Those that wait begin anew.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended {
		return
	}
	if d.cancel != nil {
		d.cancel()
	}
	if t.IsZero() {
		d.ctx, d.cancel = context.WithCancel(context.Background())
	} else {
		d.ctx, d.cancel = context.WithDeadline(context.Background(), t)
	}
}

func (d *deadline) current() context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ctx
}

// end ends all calls.
func (d *deadline) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = true
	d.cancel()
}
