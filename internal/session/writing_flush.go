package session

import (
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/session/sendq"
	"github.com/framerail/framerail/internal/transport"
)

// sendFrame puts a data frame on its way: into the queue or, where copying costs
// more than a system call of its own, to the transport at once. mu is held.
func (c *writing) sendFrame(h frame.Header, payload []byte) error {
	q := c.out()
	if len(payload) >= directWrite && !q.blocked && q.main.Chunks() <= sendq.MaxVector && c.role() == frame.Server {
		return c.writeThrough(q, h, payload)
	}
	c.enqueue(&q.main, h, payload)
	c.boundPending(q)
	return nil
}

// writeThrough writes what is pending and the frame behind it, without a copy of
// the payload; what the transport does not take is queued. mu is held.
func (c *writing) writeThrough(q *queue, h frame.Header, payload []byte) error {
	h.PayloadLen = int64(len(payload))
	v := c.loop.sends.LendVector()
	defer c.loop.sends.TakeVector(v)
	head := frame.AppendHeader(v.Head[:0], h)
	n, ok := c.write(q, append(q.main.Vector(v.Buffers[:0]), head, payload))
	if !ok {
		return ErrClosed
	}
	queued := min(n, q.main.Len())
	q.main.Consume(queued)
	c.countTaken(q, h)
	n -= queued
	if n < len(head)+len(payload) {
		inHead := min(n, len(head))
		q.main.Append(&c.loop.sends, head[inHead:])
		q.main.Append(&c.loop.sends, payload[n-inHead:])
		if n > 0 {
			q.main.Freeze()
		}
		c.boundPending(q)
	}
	c.flushed(q)
	return nil
}

// flush writes what is pending, as far as the transport takes it. mu is held.
func (c *writing) flush() {
	q := c.tx
	if q == nil {
		return
	}
	for {
		for (!q.main.Empty() || q.held > 0) && !q.blocked {
			n, ok := c.writeQueue(q)
			if !ok {
				return
			}
			q.main.Consume(n)
		}
		if q.pong == nil || q.main.Control() > 0 {
			break
		}
		c.latePong(q)
	}
	c.flushed(q)
}

// flushWaiting is flush if something merely waits for the loop's turn. It reports whether it was. The connection may be broken then,
// or have another queue. mu is held.
func (c *writing) flushWaiting(q *queue) bool {
	if q.blocked || q.main.Empty() {
		return false
	}
	c.flush()
	return true
}

// writeQueue writes what is in main.
func (c *writing) writeQueue(q *queue) (n int, ok bool) {
	if q.main.Chunks() <= len(q.iov) {
		n, ok = c.write(q, q.main.Vector(q.iov[:0]))
		q.iov[0] = nil
		return n, ok
	}
	v := c.loop.sends.LendVector()
	defer c.loop.sends.TakeVector(v)
	return c.write(q, q.main.Vector(v.Buffers[:0]))
}

// write gives iov to the transport and returns how many bytes it took; ok is
// false if the connection broke. mu is held.
func (c *writing) write(q *queue, iov [][]byte) (n int, ok bool) {
	total := 0
	for _, b := range iov {
		total += len(b)
	}
	n, err := c.writeTo(q, iov, total)
	q.uncounted.bytes += uint64(n)
	if err != nil && err != transport.ErrWouldBlock {
		c.broke("write", err)
		return n, false
	}
	q.held = 0
	if err == transport.ErrWouldBlock {
		q.held = c.heldBelow()
	}
	if n < total || q.held > 0 {
		q.blocked, q.refused = true, true
		c.attend |= attendInterest
	}
	return n, true
}

// writeTo calls the transport's Write. It calls WriteLast if iov is all that is pending and the loop closes the
// transport next. mu is held.
func (c *writing) writeTo(q *queue, iov [][]byte, total int) (n int, err error) {
	if q.uncounted.onLoop && c.end != nil && c.end.closes() && !c.end.over && total == q.main.Len() {
		if t, ok := c.transport.(transport.LastWriter); ok {
			return t.WriteLast(iov)
		}
	}
	return c.transport.Write(iov)
}

// latePong answers the latest of the pings that there was no room to answer. mu is
// held.
func (c *writing) latePong(q *queue) {
	if c.State() == Open {
		c.enqueueControl(q, frame.Pong, q.pong.B)
	}
	q.dropPong()
}

// flushed does what there is to do when main has shrunk; the queue may be
// given back with it. mu is held.
func (c *writing) flushed(q *queue) {
	bound := c.limits().MaxPending
	if q.main.Len() <= bound/4 && c.flags.Load()&holdPending != 0 {
		c.release(holdPending)
		c.attend |= attendInterest
	}
	q.wakeWriter()
	q.callWaiter(bound)
	if !q.main.Empty() || q.held > 0 {
		return
	}
	if q.refused || q.blockedByWriter && (q.writer == nil || q.writer.behind.Empty()) {
		q.refused, q.blockedByWriter = false, false
		c.attend |= attendDrained
	}
	if q.writer == nil && q.pong == nil && q.waiters.first == nil {
		c.returnQueue(q)
	}
}

// heldBelow is how many bytes the transport holds back. mu is held.
func (c *writing) heldBelow() int {
	if h, ok := c.transport.(transport.Holder); ok {
		return h.Held()
	}
	return 0
}

// noteHeld sees that what the transport holds back, which was none of the queue's, is
// written as soon as it can be. mu is held.
func (c *writing) noteHeld() {
	if n := c.heldBelow(); n > 0 && c.State() != Closed {
		q := c.out()
		q.held, q.blocked = n, true
	}
}
