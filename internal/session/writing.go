package session

import (
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/session/sendq"
)

// writing is the part of a connection that sends frames: it queues them, gives them to the
// transport as far as that takes them, and counts them. A transport that breaks is noted in
// the record of closing, and ends sending. Nothing here knows of messages.
type writing struct {
	closing
	tx *queue // guarded by mu; nil while nothing waits
}

// out is the connection's queue, lent if there is none. mu is held.
func (c *writing) out() *queue {
	if c.tx == nil {
		c.tx = c.loop.queues.Get()
	}
	return c.tx
}

// returnQueue gives the queue back, with what is in it. mu is held.
func (c *writing) returnQueue(q *queue) {
	if w := q.writer; w != nil {
		w.drop()
		w.behind.Clear()
		w.room.Broadcast()
		q.writer = nil
	}
	q.waiters.wakeAll()
	q.main.Clear()
	q.dropPong()
	q.held = 0
	c.countSent(q)
	q.uncounted.onLoop = false
	q.blocked, q.refused, q.blockedByWriter = false, false, false
	q.stall = stall{}
	c.tx = nil
	c.loop.queues.Put(q)
}

// enqueue appends a frame, masked if this side is a client (RFC 6455 5.3). mu is
// held.
func (c *writing) enqueue(l *sendq.Queue, h frame.Header, payload []byte) {
	q := c.out()
	h.PayloadLen = int64(len(payload))
	if c.role() == frame.Client {
		h.Masked, h.MaskingKey = true, c.loop.sends.NewMaskingKey()
	}
	c.countTaken(q, h)
	l.AppendFrame(&c.loop.sends, h, payload)
}

// frameSize is the size of a frame of this side's with n bytes of payload.
func (c *writing) frameSize(n int) int {
	size := 2 + n
	switch {
	case n > 0xFFFF:
		size += 8
	case n > 125:
		size += 2
	}
	if c.role() == frame.Client {
		size += 4
	}
	return size
}

// boundPending stops the input while the peer does not read what it causes to be
// sent. What waits behind a Writer does not count: the Writer may need the input
// to go on. mu is held.
func (c *writing) boundPending(q *queue) {
	if q.main.Len() > c.limits().holdMark() {
		c.hold(holdPending)
	}
}

// due tells whether there is anything for the loop to do. mu is held.
func (c *writing) due() bool {
	if c.attend&^attendAsked != 0 || c.end != nil {
		return true
	}
	q := c.tx
	if q == nil || q.blocked {
		return false // the loop waits for the transport already
	}
	return !q.main.Empty() || q.writer == nil
}

// Pending is how many bytes of frames wait for the socket.
func (c *writing) Pending() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tx == nil {
		return 0
	}
	return c.tx.pending()
}

// countTaken counts a frame that was taken for sending. mu is held.
func (c *writing) countTaken(q *queue, h frame.Header) {
	if h.Opcode.IsControl() {
		c.policy().shared.control[h.Opcode&7].Add(1)
		return
	}
	q.uncounted.data++
	if h.Fin {
		q.uncounted.messages++
	}
}

// countSent counts what was done with the queue. mu is held.
func (c *writing) countSent(q *queue) {
	p, t := c.policy(), &q.uncounted
	grown := q.pending() - t.pending
	t.pending += grown
	if t.onLoop {
		p.turn.sent.Messages += t.messages
		p.turn.sent.Frames.Data += t.data
		p.turn.sent.Bytes += t.bytes
		p.turn.pending += int64(grown)
	} else if grown != 0 || t.data != 0 || t.bytes != 0 {
		p.shared.messages.Add(t.messages)
		p.shared.data.Add(t.data)
		p.shared.bytes.Add(t.bytes)
		p.shared.pending.Add(int64(grown))
	}
	t.messages, t.data, t.bytes = 0, 0, 0
}

// trim drops the frames that wait for the transport, except the rest of a half-sent frame and a Close
// frame. It returns how many bytes are left. mu is held.
func (c *writing) trim() (rest int) {
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
