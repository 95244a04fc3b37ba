package session

import (
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/session/sendq"
	"github.com/framerail/framerail/internal/transport"
)

// queue is what a connection is lent while frames wait for the transport, or while a
// message is being written. The connection's mu guards all of it.
type queue struct {
	main sendq.Queue // the frames, in the order in which they will be sent

	held            int     // bytes that the transport has taken and holds back: see transport.Holder
	stall           stall   // since when it takes nothing
	blocked         bool    // the transport is full; Writable will tell when it is not
	refused         bool    // bytes, or a send, were refused since main was last empty
	blockedByWriter bool    // a send was refused for what waits behind the Writer's message
	writer          *Writer // the one that is open

	// RFC 6455 5.5.3: of several pings only the latest need be answered. Its payload
	// waits here while there is no room for the pong. Nil: none is due.
	pong *buffer.Buffer

	uncounted uncounted
	waiters   waiters   // those of SendAsWait
	iov       [1][]byte // for what is in one chunk, as mostly

	// The first buffer of main, part of the queue: most answers fit, and a buffer of
	// the pool's costs as much as all else that is done for one.
	first      buffer.Buffer
	firstSpace [firstSize]byte
}

// firstSize is how many bytes of frames fit into the queue itself: a message of 146 bytes,
// any control frame, and the response of a plain opening handshake. With it the queue takes
// 448 bytes, which is a size of Go's allocator.
const firstSize = 160

func newQueue() *queue {
	q := new(queue)
	q.first = buffer.Of(q.firstSpace[:])
	q.main.UseFirst(&q.first)
	return q
}

// out is the connection's queue, lent if there is none. mu is held.
func (c *Conn) out() *queue {
	if c.tx == nil {
		c.tx = c.loop.queues.Get()
	}
	return c.tx
}

// returnQueue gives the queue back, with what is in it. mu is held.
func (c *Conn) returnQueue(q *queue) {
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
func (c *Conn) enqueue(l *sendq.Queue, h frame.Header, payload []byte) {
	q := c.out()
	h.PayloadLen = int64(len(payload))
	if c.role() == frame.Client {
		h.Masked, h.MaskingKey = true, c.loop.sends.NewMaskingKey()
	}
	c.countTaken(q, h)
	l.AppendFrame(&c.loop.sends, h, payload)
}

// pending is how many bytes of frames wait, those that the transport holds back
// included.
func (q *queue) pending() int {
	n := q.main.Len() + q.held
	if q.writer != nil {
		n += q.writer.behind.Len()
	}
	return n
}

// keyCost is how many bytes of the bound waiting keys take.
func (q *queue) keyCost() int {
	n := q.main.Keys()
	if q.writer != nil {
		n += q.writer.behind.Keys()
	}
	return n * sendq.KeyCost
}

// wakeWriter has CopyFrom look again whether there is room.
func (q *queue) wakeWriter() {
	if q.writer != nil && q.writer.waiting {
		q.writer.room.Broadcast()
	}
}

// dropPong forgets that a pong is due.
func (q *queue) dropPong() {
	if q.pong != nil {
		q.pong.Release()
		q.pong = nil
	}
}

// passed grows with each byte that the transport has passed on.
func (q *queue) passed() int64 { return q.main.Gone() - int64(q.held) }

// fits tells whether n more bytes of frames keep within the bound. mu is held.
func (c *Conn) fits(q *queue, n int) bool {
	return n <= c.limits().MaxPending-q.pending()-q.keyCost()
}

// boundPending stops the input while the peer does not read what it causes to be
// sent. What waits behind a Writer does not count: the Writer may need the input
// to go on. mu is held.
func (c *Conn) boundPending(q *queue) {
	if q.main.Len() > c.limits().holdMark() {
		c.hold(holdPending)
	}
}

// flushTurn is flush on the loop, which then has counted what was sent. It tells whether
// the transport, which was full when the loop last looked, has taken some since: so the
// peer has. mu is held.
func (d *Driver) flushTurn() (taken bool) {
	d.check()
	c := &d.Conn
	q := c.tx
	if q == nil {
		return false
	}
	q.uncounted.onLoop = true
	full, gone, due := q.stall, q.main.Gone(), !q.main.Empty() || q.pong != nil
	c.flush()
	if c.tx != q && due || c.tx == q && q.main.Gone() != gone {
		d.sent = d.sentNow()
	}
	if c.tx != q {
		return full.watched // it has taken all
	}
	c.countSent(q)
	q.uncounted.onLoop = false
	return full.watched && q.passed() != full.taken
}

// flush writes what is pending, as far as the transport takes it. mu is held.
func (c *Conn) flush() {
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

// writeQueue writes what is in main.
func (c *Conn) writeQueue(q *queue) (n int, ok bool) {
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
func (c *Conn) write(q *queue, iov [][]byte) (n int, ok bool) {
	total := 0
	for _, b := range iov {
		total += len(b)
	}
	n, err := c.transport.Write(iov)
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

// latePong answers the latest of the pings that there was no room to answer. mu is
// held.
func (c *Conn) latePong(q *queue) {
	if c.State() == Open {
		c.enqueueControl(q, frame.Pong, q.pong.B)
	}
	q.dropPong()
}

// flushed does what there is to do when main has shrunk; the queue may be
// given back with it. mu is held.
func (c *Conn) flushed(q *queue) {
	if q.main.Len() <= c.limits().MaxPending/4 && c.flags.Load()&holdPending != 0 {
		c.release(holdPending)
		c.attend |= attendInterest
	}
	q.wakeWriter()
	c.callWaiter(q)
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
