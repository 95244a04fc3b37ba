package relay

import (
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/framerail/framerail/internal/socket"
)

// CloseWrite implements transport.Transport.
func (c *Conn) CloseWrite() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writeErr != nil {
		return c.writeErr
	}
	c.last = true
	c.writeOn()
	return nil
}

// Close implements transport.Transport. Bytes that were sent before have lingerTimeout to leave.
func (c *Conn) Close() error { return c.close(lingerTimeout) }

// Cut implements transport.Cutter.
func (c *Conn) Cut(patience time.Duration) error { return c.close(patience) }

// close ends the loop's part. A goroutine closes the net.Conn, once what was sent before has left, or the
// patience is over. If other code has the connection, that closes it.
func (c *Conn) close(patience time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return net.ErrClosed
	}
	c.closing, c.patience = true, patience
	leave(c.number)
	c.number = 0
	if c.lent != nil {
		c.lent.changed.Broadcast()
		c.end()
		return nil
	}
	if patience <= 0 {
		c.disown()
	}
	if c.writing {
		c.limitWrite(patience)
	}
	c.writeOn()
	return nil
}

// disown drops what is not sent. Buffers that are in use leave the pool at once, and not only when the goroutines have
// seen the end. So whoever cuts a connection for its memory finds that given back. mu is held.
func (c *Conn) disown() {
	c.dropOut()
	if c.leaving != nil {
		c.leaving.Disown()
	}
	if c.large != nil {
		c.large.Disown()
	}
}

// limitWrite bounds a write that may be stuck. mu is held.
func (c *Conn) limitWrite(patience time.Duration) {
	if err := c.nc.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		time.AfterFunc(patience, func() { _ = c.nc.Close() }) // it knows no deadlines
	}
}

// finish does what is to follow the last bytes. On the goroutine that writes. mu is held, but is not while a
// method of the net.Conn runs.
func (c *Conn) finish() {
	if c.last && !c.halved && c.writeErr == nil && !c.gone {
		c.halved = true
		c.mu.Unlock()
		err := closeWrite(c.nc)
		c.mu.Lock()
		if err != nil && !c.closing {
			// The other end can learn of the end only from a close. So this is the end of both directions.
			if c.readErr == nil {
				c.readErr = io.EOF
			}
			c.shut()
			c.notify()
		}
	}
	if c.closing && c.lent == nil {
		c.shut()
		if !c.reading {
			c.dropLarge()
		}
		c.end()
	}
}

// shut closes the net.Conn. mu is held, and is not while that goes on.
func (c *Conn) shut() {
	if c.gone {
		return
	}
	c.gone = true
	patience := c.patience
	if !c.closing {
		patience = lingerTimeout
	}
	c.mu.Unlock()
	discard(c.bottom, patience)
	_ = c.nc.Close()
	c.mu.Lock()
}

// discard sets what happens to unsent bytes of a connection after its Close. The system discards them once the
// peer has taken none for that long; 0: at once, with a reset.
func discard(nc net.Conn, patience time.Duration) {
	if t, ok := nc.(*net.TCPConn); ok && patience <= 0 {
		_ = t.SetLinger(0)
		return
	}
	if sc, ok := nc.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) { socket.DiscardAfter(int(fd), patience) })
		}
	}
}

// closeWrite ends the sending direction, if the connection's type can.
func closeWrite(nc net.Conn) error {
	half, ok := nc.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}
