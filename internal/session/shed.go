package session

import (
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/buffer"
)

// Holding is how many bytes of pooled buffers the connection holds: frames that wait
// for the transport, events that wait for callbacks, and what has come of a message
// and cannot be handed on yet. shed tells whether it has been told to give them back.
func (d *Driver) Holding() (n int, shed bool) {
	c := &d.Conn
	c.mu.Lock()
	shed = c.end != nil && c.end.shed
	if q := c.tx; q != nil {
		n += q.main.size() + q.behind.size() + q.held
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
	if c.info != nil && c.info.contexts != nil {
		n += c.info.contexts.in.size() + c.info.contexts.out.size()
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

// size is what the buffers of s take.
func (s *segments) size() (n int) {
	for _, b := range s.bufs {
		n += cap(b.B)
	}
	return n
}

// Shed closes a connection with 1013 for the memory it holds, which it gives back at
// once, but for what a callback is at work on and what the peer needs to be told: the
// rest of a frame that is half sent, behind which the Close frame goes. The peer is cut
// if that rest is longer than shedRest, if it does not take it within the close timeout,
// and if the connection is shed again meanwhile. Shed tells whether it was the first time.
func (d *Driver) Shed() (first bool) {
	c := &d.Conn
	if c.State() == Closed {
		return false
	}
	d.loop.config.Logger.Debug("framerail: connection closed for the memory it holds", "remote", c.RemoteAddr())
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

// shedRest is how many bytes a shed connection may keep until its peer has taken them:
// a frame of the size that is copied into the queue, since of a longer one most is
// usually left. Together they are still bounded, as those who keep them are cut when
// memory remains short.
const shedRest = directWrite

// trim gives back what waits for the transport, but for the rest of a frame that is
// half sent and a Close frame. It returns how many bytes those are. mu is held.
func (c *Conn) trim() (rest int) {
	q := c.tx
	if q == nil {
		return 0
	}
	before := q.pending()
	if q.writer != nil {
		q.writer.drop()
	}
	q.behind.clear()
	q.latest.forget()
	q.main.dropAllBut(frame.Close)
	q.compact()
	if rest = q.main.bytes; rest <= shedRest {
		q.main.fit(&c.loop.pool)
	}
	rest += q.held
	c.lost(before - rest)
	return rest
}

// dropAllBut drops what has not begun to leave, but for frames of one kind.
func (l *line) dropAllBut(op frame.Opcode) {
	at := l.seek(l.begun)
	for pos := l.begun; pos < l.end(); {
		h, size := l.frame(at)
		if h.Opcode != op && !h.RSV3 {
			l.bufs[at.buf].B[at.off] |= dropped
			l.dead += size
		}
		pos += int64(size)
		l.advance(&at, size)
	}
}

// fit moves what is left, at most a segment, to a buffer of its size.
func (s *segments) fit(pool *buffer.Pool) {
	if s.bytes == 0 || s.size() <= max(2*s.bytes, buffer.MinSize) {
		return
	}
	b := pool.Get(s.bytes)
	for _, part := range s.vec(nil) {
		b.B = append(b.B, part...)
	}
	for _, old := range s.bufs {
		old.Release()
	}
	clear(s.bufs)
	s.bufs, s.off = append(s.bufs[:0], b), 0
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
