package relay

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// Lent is the connection of a Conn as other code has it, such as net/http. It begins with what the Conn has
// read. It has the net.Conn until its Close, or until Regain. Close it even if Regain fails.
type Lent struct {
	net.Conn
	from    *Conn
	changed sync.Cond // a goroutine of the Conn has ended
}

// Lend gives the connection to other code. The loop closes the Conn afterwards. If the Lent is closed before
// that, the Conn is the loop's as it was.
func (c *Conn) Lend() *Lent {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := &Lent{Conn: c.nc, from: c}
	l.changed.L = &c.mu
	c.lent = l
	return l
}

// Read implements net.Conn. What the Conn has begun to read comes first.
func (l *Lent) Read(b []byte) (int, error) {
	c := l.from
	c.mu.Lock()
	for c.lent == l && c.reading && c.from == len(c.in) && !c.gone {
		l.changed.Wait()
	}
	if c.lent != l {
		c.mu.Unlock()
		return 0, net.ErrClosed
	}
	if n := copy(b, c.in[c.from:]); n > 0 {
		c.from += n
		c.mu.Unlock()
		return n, nil
	}
	if !c.reading {
		c.dropLarge()
	}
	if errors.Is(c.readErr, os.ErrDeadlineExceeded) {
		c.readErr = nil // there may be another deadline by now: the net.Conn knows
	}
	err := c.readErr
	gone := c.gone
	c.mu.Unlock()
	switch {
	case len(b) == 0:
		return 0, nil
	case err != nil:
		return 0, err
	case gone:
		return 0, net.ErrClosed
	}
	return l.Conn.Read(b)
}

// Write implements net.Conn.
func (l *Lent) Write(b []byte) (int, error) {
	if err := l.await(); err != nil {
		return 0, err
	}
	return l.Conn.Write(b)
}

// await waits for what WriteNow has taken.
func (l *Lent) await() error {
	c := l.from
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.lent == l && c.writing {
		l.changed.Wait()
	}
	if c.lent != l {
		return net.ErrClosed
	}
	return c.writeErr
}

// WriteNow writes without waiting, and returns how many bytes that were.
func (l *Lent) WriteNow(b []byte) (n int, err error) {
	c := l.from
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lent != l || c.writeErr != nil || c.gone {
		return 0, net.ErrClosed
	}
	if c.out == nil {
		c.out = c.pool.Get(min(len(b), c.room()))
	}
	n = c.put(b)
	c.writeOn()
	return n, nil
}

// SetLinger is that of the TCP connection at the bottom. 0 also has Close discard what WriteNow has taken.
func (l *Lent) SetLinger(seconds int) error {
	if seconds == 0 {
		l.from.mu.Lock()
		l.from.patience = 0
		l.from.mu.Unlock()
	}
	if t := l.from.TCP(); t != nil {
		return t.SetLinger(seconds)
	}
	return errors.ErrUnsupported
}

// CloseWrite ends the sending direction, if the connection can.
func (l *Lent) CloseWrite() error {
	if err := l.await(); err != nil {
		return err
	}
	return closeWrite(l.Conn)
}

// Close implements net.Conn. It does not wait for what WriteNow has taken: net/http closes many connections one after
// the other. A goroutine closes the connection then.
func (l *Lent) Close() error {
	c := l.from
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lent != l {
		return net.ErrClosed
	}
	if !c.closing {
		c.lent = nil
		l.changed.Broadcast()
		c.readOn()
		return nil
	}
	if c.gone {
		return net.ErrClosed
	}
	if c.writing {
		if c.patience <= 0 {
			c.disown()
		}
		c.limitWrite(c.patience)
		c.lent = nil
		l.changed.Broadcast()
		return nil
	}
	c.gone = true
	if !c.reading {
		c.dropLarge()
	}
	c.setAlarm(closeTimeout, c.giveUp)
	c.mu.Unlock()
	err := l.Conn.Close()
	c.mu.Lock()
	c.closed = true
	c.settle()
	l.changed.Broadcast()
	return err
}

// Regain takes the connection back for a loop, with a new number. It fails if the Lent was closed. It waits for
// the Conn's own Close, which may not have come yet.
func (l *Lent) Regain() (*Conn, error) {
	c := l.from
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.lent == l && !c.closing {
		l.changed.Wait()
	}
	if c.lent != l || c.gone {
		return nil, net.ErrClosed
	}
	_ = c.nc.SetDeadline(time.Time{})
	if errors.Is(c.readErr, os.ErrDeadlineExceeded) {
		c.readErr = nil
	}
	c.lent, c.closing, c.number = nil, false, enter(c)
	l.changed.Broadcast()
	return c, nil
}
