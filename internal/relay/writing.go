package relay

import (
	"cmp"
	"io"
	"net"
	"syscall"

	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/socket"
	"github.com/framerail/framerail/internal/transport"
)

// output is what the loop has sent and the net.Conn has not taken. Guarded by the Conn's mu.
type output struct {
	out      *buffer.Buffer // nil: there is nothing
	leaving  *buffer.Buffer // is being written; nil: none
	writing  bool           // a goroutine writes
	limit    int            // of out, in bytes; 0: writeSize
	last     bool           // nothing follows: the direction is to end
	halved   bool           // it has ended
	writeErr error          // what the writes have ended with
}

// Write implements transport.Transport. It takes the bytes, and a goroutine writes them.
func (c *Conn) Write(bufs [][]byte) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.writeErr != nil:
		return 0, c.writeErr
	case c.closing || c.last:
		return 0, net.ErrClosed
	}
	for i, b := range bufs {
		if c.out == nil {
			c.out = c.pool.Get(min(total(bufs[i:]), c.room()))
		}
		took := c.put(b)
		n += took
		if took < len(b) {
			err = transport.ErrWouldBlock
			break
		}
	}
	if n > 0 {
		c.writeOn()
	}
	return n, err
}

// room is how many bytes out may have. mu is held.
func (o *output) room() int { return cmp.Or(o.limit, writeSize) }

// LimitUnsent implements transport.Limiter. Half of the bytes may be in out, and half on their way to the net.Conn.
func (c *Conn) LimitUnsent(bytes int) {
	c.mu.Lock()
	c.limit = min(bytes/2, writeSize)
	if bytes > 0 {
		c.limit = max(c.limit, waitSize)
	}
	c.mu.Unlock()
	if sc, ok := c.bottom.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) { _ = socket.SetUnsent(int(fd), bytes) })
		}
	}
}

func total(bufs [][]byte) (n int) {
	for _, b := range bufs {
		n += len(b)
	}
	return n
}

// put appends to out what there is room for. mu is held.
func (c *Conn) put(b []byte) (n int) {
	has := c.out
	n = min(len(b), max(c.room()-len(has.B), 0))
	if want := len(has.B) + n; want > cap(has.B) {
		c.out = c.pool.Get(want)
		c.out.B = append(c.out.B, has.B...)
		has.Release()
	}
	c.out.B = append(c.out.B, b[:n]...)
	return n
}

// writeOn has a goroutine write, unless one does. mu is held.
func (c *Conn) writeOn() {
	if !c.writing {
		c.writing = true
		go c.write()
	}
}

// writeOut writes until there is nothing to write. It ends the direction, and closes the net.Conn, if that is
// to follow.
func (c *Conn) writeOut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.out != nil && c.writeErr == nil && !c.gone {
		b := c.out.B
		c.out, c.leaving = nil, c.out
		c.notify() // there is room while it is written
		c.mu.Unlock()
		n, err := c.nc.Write(b)
		if err == nil && n < len(b) {
			err = io.ErrShortWrite
		}
		c.mu.Lock()
		c.leaving.Release()
		c.leaving = nil
		if err != nil && c.writeErr == nil {
			c.writeErr = c.cause(err)
			c.notify()
		}
	}
	c.dropOut()
	c.finish()
	c.writing = false
	if c.lent != nil {
		c.lent.changed.Broadcast()
	}
	c.settle()
}

// dropOut forgets what waits to be written. mu is held.
func (o *output) dropOut() {
	if o.out != nil {
		o.out.Release()
		o.out = nil
	}
}
