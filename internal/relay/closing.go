package relay

import (
	"crypto/tls"
	"errors"
	"io"
	"math"
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
	c.watch.poller = nil // as a descriptor leaves its poller when it is closed
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
	if c.gone {
		c.setAlarm(closeTimeout, c.giveUp)
	} else if c.writing {
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

// limitWrite bounds a write that may be stuck. A type may know no deadlines, or accept them without effect, or have
// SetWriteDeadline wait for its Write. mu is held, and nothing here waits.
func (c *Conn) limitWrite(patience time.Duration) {
	until := time.Now().Add(patience)
	c.setAlarm(min(patience, math.MaxInt64-lateTimeout)+lateTimeout, c.breakOff)
	go func() {
		err := c.nc.SetWriteDeadline(until)
		c.mu.Lock()
		defer c.mu.Unlock()
		if err != nil && !c.gone {
			c.setAlarm(time.Until(until), c.breakOff)
		}
	}()
}

// breakOff closes the net.Conn though a goroutine writes, or ends the sending direction. That goroutine may not notice.
func (c *Conn) breakOff() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shut()
	c.settle()
}

// setAlarm has f called after some time, in place of what was to be called before; nil for nothing. mu is held.
func (c *Conn) setAlarm(after time.Duration, f func()) {
	if c.alarm != nil {
		c.alarm.Stop()
		c.alarm = nil
	}
	if f != nil {
		c.alarm = time.AfterFunc(after, f)
	}
}

// finish does what is to follow the last bytes. On the goroutine that writes. mu is held, but is not while a
// method of the net.Conn runs.
func (c *Conn) finish() {
	cut := c.closing && c.patience <= 0
	if c.last && !c.halved && c.writeErr == nil && !c.gone && !cut {
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
	}
}

// settle ends the Conn once its net.Conn is closed and no goroutine uses that any more. mu is held.
func (c *Conn) settle() {
	if c.closing && c.closed && !c.reading && !c.writing {
		c.setAlarm(0, nil)
		c.dropLarge()
		c.end()
	}
}

// giveUp ends the Conn though its net.Conn has not closed in time, or a Read or a Write goes on. Nobody waits for them
// any more, and the pool does not count what they have.
func (c *Conn) giveUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.disown()
	c.end()
}

// shut closes the net.Conn. mu is held, and is not while that goes on. If the loop has closed, the time for that begins.
func (c *Conn) shut() {
	if c.gone {
		return
	}
	c.gone = true
	if c.closing {
		c.setAlarm(closeTimeout, c.giveUp)
	}
	patience := c.patience
	if !c.closing {
		patience = lingerTimeout
	}
	stuck := patience <= 0 || c.writeErr != nil || c.leaving != nil
	c.mu.Unlock()
	below := c.bottom
	if over, ok := below.(*tls.Conn); ok {
		below = over.NetConn()
	}
	discard(below, patience)
	if _, ok := c.nc.(*tls.Conn); ok && stuck {
		_ = below.Close() // crypto/tls's Close would wait for the peer to take close_notify
	}
	_ = c.nc.Close()
	c.mu.Lock()
	c.closed = true
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
