package session

import (
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/buffer"
)

// Holding is how many bytes of pooled buffers the connection holds: frames that wait for the transport, or in it,
// events that wait for callbacks, and parts of messages. shed reports whether Shed was called.
func (d *Driver) Holding() (n int, shed bool) {
	d.check()
	c := &d.Conn
	c.mu.Lock()
	shed = c.end != nil && c.end.shed
	if q := c.tx; q != nil {
		n += q.size()
	}
	if lent := buffer.LentTo(c.transport); lent > 0 {
		n += lent
		if c.tx != nil {
			n -= c.tx.held // which are among them
		}
	}
	if in := c.in; in != nil {
		n += in.size()
	}
	if in := c.received(); in != nil {
		n += in.size()
	}
	if c.extras != nil && c.extras.contexts != nil {
		n += c.extras.contexts.in.size() + c.extras.contexts.out.size()
	}
	c.mu.Unlock()
	if rx := d.rx; rx != nil {
		if rx.msg != nil {
			n += cap(rx.msg.B)
		}
		if rx.stash != nil {
			n += cap(rx.stash.B)
		}
		if z := rx.inflation; z != nil {
			n += z.own.size()
			if z.kept != nil {
				n += cap(z.kept.B)
			}
		}
	}
	return n, shed
}

// Shed closes a connection with 1013 (Try Again Later) for the memory that it holds. The connection gives
// the memory back at once. It keeps only the event of a running callback, the rest of a frame that is half
// sent, and the Close frame behind it. The peer is cut if that rest is longer than shedRest, if it does not
// take the rest within the close timeout, or if the connection is shed again. Shed returns true the first
// time.
func (d *Driver) Shed() (first bool) {
	d.check()
	c := &d.Conn
	if c.State() == Closed {
		return false
	}
	d.config().Logger.Debug("framerail: connection closed for the memory it holds", "remote", c.RemoteAddr())
	c.failWith(frame.TryAgainLater, "server is short of memory", ErrShed, true)
	d.discard(ErrShed)
	c.mu.Lock()
	first = !c.end.shed
	c.end.shed = true
	rest := c.trim()
	if c.in != nil {
		c.in.dropMessages()
	}
	if in := c.received(); in != nil {
		in.dropMessages()
	}
	c.dropContexts()
	c.mu.Unlock()
	switch cut := !first || rest > shedRest; {
	case cut && buffer.LentTo(c.transport) > shedLast:
		d.abortOver(Local, ErrShed) // or the transport would keep its buffers for as long as the peer may take
	case cut:
		d.abort(Local, ErrShed)
	}
	d.settle()
	return first
}

// shedRest is how many bytes a shed connection may keep until its peer has taken them: the largest frame
// that is copied into the queue. Of a longer frame most is usually left. If memory remains short, such
// connections are cut, so their sum is bounded too.
const shedRest = directWrite

// shedLast is how many bytes of buffers the transport of a connection that is cut may keep for the close timeout. The
// Close frame may be among them.
const shedLast = 2 * buffer.MinSize
