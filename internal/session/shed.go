package session

import (
	"unsafe"

	"github.com/framerail/framerail/frame"
)

// Holding is how many bytes of pooled buffers the connection holds: frames that wait for the transport,
// events that wait for callbacks, and parts of messages. shed reports whether Shed was called.
func (d *Driver) Holding() (n int, shed bool) {
	d.check()
	c := &d.Conn
	c.mu.Lock()
	shed = c.end != nil && c.end.shed
	if q := c.tx; q != nil {
		n += q.size()
	}
	if in := c.in; in != nil {
		for _, ev := range in.events[in.head:] {
			if ev.buf != nil {
				n += cap(ev.buf.B)
			}
		}
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

// size is how many bytes the queue takes, with all that it is lent.
func (q *queue) size() int {
	n := int(unsafe.Sizeof(*q)) + q.main.Size() + q.held
	if q.pong != nil {
		n += cap(q.pong.B)
	}
	if w := q.writer; w != nil {
		n += w.behind.Size()
		if w.buf != nil {
			n += cap(w.buf.B)
		}
	}
	return n
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
	c.dropContexts()
	c.mu.Unlock()
	if !first || rest > shedRest {
		d.abort(Local, ErrShed)
	}
	d.settle()
	return first
}

// shedRest is how many bytes a shed connection may keep until its peer has taken them: the largest frame
// that is copied into the queue. Of a longer frame most is usually left. If memory remains short, such
// connections are cut, so their sum is bounded too.
const shedRest = directWrite

// trim drops the frames that wait for the transport, except the rest of a half-sent frame and a Close
// frame. It returns how many bytes are left. mu is held.
func (c *Conn) trim() (rest int) {
	q := c.tx
	if q == nil {
		return 0
	}
	before := q.pending()
	if q.writer != nil {
		q.writer.drop()
		q.writer.behind.Clear()
	}
	q.dropPong()
	q.main.DropAllBut(&c.loop.sends, frame.Close)
	if rest = q.main.Len(); rest <= shedRest {
		q.main.Fit(&c.loop.sends)
	}
	rest += q.held
	c.lost(before - rest)
	return rest
}

// dropMessages gives back what waits for callbacks that will not run any more. Pieces
// of a message stay: a Reader may be waiting for them. The connection's mu is held.
func (in *inbox) dropMessages() {
	kept := in.events[:0]
	for _, ev := range in.events[in.head:] {
		switch ev.kind {
		case eventMessage, eventPing, eventPong:
			in.bytes -= len(ev.buf.B)
			ev.buf.Release()
		default:
			kept = append(kept, ev)
		}
	}
	clear(in.events[len(kept):])
	in.events, in.head = kept, 0
}
