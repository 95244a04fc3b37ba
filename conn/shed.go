package conn

import "github.com/framerail/framerail/frame"

// Holding is how many bytes of pooled buffers the connection holds: frames that wait
// for the transport, events that wait for callbacks, and what has come of a message
// and cannot be handed on yet.
func (d *Driver) Holding() int {
	c := (*Conn)(d)
	n := 0
	c.mu.Lock()
	if q := c.tx; q != nil {
		n += q.main.size() + q.behind.size()
		if q.writer != nil && q.writer.buf != nil {
			n += cap(q.writer.buf.B)
		}
	}
	if in := c.in; in != nil {
		for _, ev := range in.events[in.head:] {
			if ev.buf != nil {
				n += cap(ev.buf.B)
			}
		}
	}
	c.mu.Unlock()
	if rx := d.rx; rx != nil {
		if rx.msg != nil {
			n += cap(rx.msg.B)
		}
		if rx.stash != nil {
			n += cap(rx.stash.B)
		}
	}
	return n
}

// size is what the buffers of s take.
func (s *segments) size() (n int) {
	for _, b := range s.bufs {
		n += cap(b.B)
	}
	return n
}

// Shed closes a connection with 1013 for the memory it holds, which it gives back at
// once, but for what a callback is at work on: the peer of one that has bytes pending,
// behind which a Close frame would wait, is cut.
func (d *Driver) Shed() {
	c := (*Conn)(d)
	if c.State() == Closed {
		return
	}
	d.loop.config.Logger.Debug("framerail: connection closed for the memory it holds", "remote", c.RemoteAddr())
	c.failWith(frame.TryAgainLater, "server is short of memory", ErrShed, true)
	d.discard(ErrShed)
	c.mu.Lock()
	c.flush()
	left := c.tx != nil && c.tx.main.bytes > 0
	c.mu.Unlock()
	if left {
		d.abort(Local, ErrShed)
	}
	d.settle()
}
