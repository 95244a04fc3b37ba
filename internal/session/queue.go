package session

import (
	"crypto/rand"
	"sync"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/transport"
	"github.com/framerail/framerail/mask"
)

// queue holds the frames that wait for the transport. It is lent by the loop while
// there are any, or while a message is being written. All of it is guarded by
// the connection's mu.
type queue struct {
	main   line   // in the order they will go
	behind line   // whole messages that wait for the end of the one being written
	latest latest // which of them have keys

	// Bytes of control frames in main, counted until the last of them has left, which
	// ends at controlEnd.
	control    int
	controlEnd int64

	held    int     // bytes that the transport has taken and holds back: see transport.Holder
	stall   stall   // since when it takes nothing
	blocked bool    // the transport is full; Writable will tell when it is not
	refused bool    // bytes, or a send, were refused since main was last empty
	crowded bool    // a send was refused for what waits behind the Writer's message
	writer  *Writer // the one that is open

	// RFC 6455 5.5.3: of several pings only the latest need be answered. It waits
	// here while there is no room.
	pongDue bool
	pong    []byte // in pongBuf
	pongBuf [frame.MaxControlPayload]byte

	tally tally

	// The first buffer of main, part of the queue: most answers fit, and a buffer of
	// the pool's costs as much as all else that is done for one.
	first      buffer.Buffer
	firstSpace [buffer.MinSize]byte

	room    sync.Cond // signalled when main shrinks, for Writer.CopyFrom
	waiting int       // goroutines that wait for room
	waiters waiters   // those of SendWait
	iov     [][]byte
	head    [frame.MaxHeaderLen]byte

	// Random bytes for masking keys, drawn many at once; those left are
	// keys[len(keys)-keysLeft:].
	keys     [256]byte
	keysLeft int
}

func newQueue() *queue {
	q := new(queue)
	q.first = buffer.Of(q.firstSpace[:])
	q.main.own = &q.first
	return q
}

// out is the connection's queue, lent if there is none. mu is held.
func (c *Conn) out() *queue {
	if c.tx == nil {
		q := c.loop.lendQueue()
		q.room.L = &c.mu
		c.tx = q
	}
	return c.tx
}

// returnQueue gives the queue back, with what is in it. mu is held.
func (c *Conn) returnQueue(q *queue) {
	if q.writer != nil {
		q.writer.drop()
		q.writer = nil
	}
	q.waiters.dismiss()
	q.main.clear()
	q.behind.clear()
	q.latest.forget()
	q.held = 0
	c.settleTally(q)
	q.tally.onLoop = false
	q.control, q.blocked, q.refused, q.crowded, q.pongDue = 0, false, false, false, false
	q.stall = stall{}
	c.tx = nil
	if q.waiting > 0 { // who waits will lock this connection's mu again
		q.room.Broadcast()
		return
	}
	q.room.L = nil // it would keep the connection, and what the program has put there
	c.loop.takeQueue(q)
}

// lendQueue is an empty queue. One lies ready, since most are given back before the
// next is needed, and a pool would take longer. From any goroutine.
func (l *Loop) lendQueue() *queue {
	if q := l.spareQueue.Swap(nil); q != nil {
		return q
	}
	if q, _ := l.queues.Get().(*queue); q != nil {
		return q
	}
	return newQueue()
}

// takeQueue takes back a queue that is empty. From any goroutine.
func (l *Loop) takeQueue(q *queue) {
	if !l.spareQueue.CompareAndSwap(nil, q) {
		l.queues.Put(q)
	}
}

// enqueue appends a frame, masked if this side is a client (RFC 6455 5.3). mu is
// held.
func (c *Conn) enqueue(l *line, h frame.Header, payload []byte) {
	q := c.out()
	h.PayloadLen = int64(len(payload))
	if c.loop.config.Role == frame.Client {
		h.Masked, h.MaskingKey = true, q.newMaskingKey()
	}
	c.countTaken(q, h)
	l.appendFrame(&c.loop.pool, h, payload)
}

// newMaskingKey draws a key that an attacker cannot predict (RFC 6455 10.3).
func (q *queue) newMaskingKey() mask.Key {
	if q.keysLeft == 0 {
		_, _ = rand.Read(q.keys[:]) // never fails
		q.keysLeft = len(q.keys)
	}
	key := mask.KeyFromBytes([4]byte(q.keys[len(q.keys)-q.keysLeft:]))
	q.keysLeft -= 4
	return key
}

// pending is how many bytes of frames wait, those that the transport holds back
// included.
func (q *queue) pending() int { return q.main.live() + q.behind.live() + q.held }

// passed grows with each byte that the transport has passed on.
func (q *queue) passed() int64 { return q.main.gone - int64(q.held) }

// fits tells whether n more bytes of frames keep within the bound. mu is held.
func (c *Conn) fits(q *queue, n int) bool {
	return n <= c.limits().MaxPending-q.pending()-q.latest.cost()
}

// boundPending stops the input while the peer does not read what it causes to be
// sent. What waits behind a Writer does not count: the Writer may need the input
// to go on. mu is held.
func (c *Conn) boundPending(q *queue) {
	if q.main.live() > c.limits().holdMark() {
		c.hold(holdPending)
	}
}

// flushTurn is flush on the loop, which then has counted what was sent. It tells whether
// the transport, which was full when the loop last looked, has taken some since: so the
// peer has. mu is held.
func (d *Driver) flushTurn() (taken bool) {
	c := &d.Conn
	q := c.tx
	if q == nil {
		return false
	}
	q.tally.onLoop = true
	full, gone, due := q.stall, q.main.gone, q.main.bytes > 0 || q.pongDue
	c.flush()
	if c.tx != q && due || c.tx == q && q.main.gone != gone {
		d.sent = d.loop.sentNow()
	}
	if c.tx != q {
		return full.watched // it has taken all
	}
	c.settleTally(q)
	q.tally.onLoop = false
	return full.watched && q.passed() != full.taken
}

// flush writes what is pending, as far as the transport takes it. mu is held.
func (c *Conn) flush() {
	q := c.tx
	if q == nil {
		return
	}
	for {
		for q.main.bytes+q.held > 0 && !q.blocked {
			n, ok := c.write(q, q.vec())
			if !ok {
				return
			}
			c.taken(q, n)
		}
		if !q.pongDue || q.control > 0 {
			break
		}
		c.latePong(q)
	}
	c.flushed(q)
}

// write gives iov to the transport and returns how many bytes it took; ok is
// false if the connection broke. mu is held.
func (c *Conn) write(q *queue, iov [][]byte) (n int, ok bool) {
	total := 0
	for _, b := range iov {
		total += len(b)
	}
	n, err := c.transport.Write(iov)
	if len(iov) == 1 {
		iov[0] = nil // as mostly, and quicker
	} else {
		clear(iov)
	}
	q.iov = iov[:0]
	q.tally.bytes += uint64(n)
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

// joinBehind puts what waited behind the Writer's message into main.
func (q *queue) joinBehind() {
	by := q.main.move(&q.behind)
	for i := range q.latest.marks {
		if m := &q.latest.marks[i]; m.line == &q.behind {
			m.line, m.at = &q.main, m.at+by
		}
	}
	q.latest.behind = 0
	q.tidy()
}

// vec is what is in main, as buffers for the transport, without what was dropped.
func (q *queue) vec() [][]byte {
	if q.main.dead > 0 {
		q.compact()
	}
	return q.main.vec(q.iov[:0])
}

// taken notes that the transport has taken the first n bytes of main. mu is held.
func (c *Conn) taken(q *queue, n int) {
	q.main.leave(n)
	if c.overflow.drops() {
		q.latest.begin(&q.main)
	}
	q.main.consume(n)
	if q.main.gone >= q.controlEnd {
		q.control = 0
	}
}

// latePong answers the latest of the pings that there was no room to answer. mu is
// held.
func (c *Conn) latePong(q *queue) {
	q.pongDue = false
	if c.State() == Open {
		c.enqueueControl(q, frame.Pong, q.pong)
	}
}

// flushed does what there is to do when main has shrunk; the queue may be
// given back with it. mu is held.
func (c *Conn) flushed(q *queue) {
	if q.main.live() <= c.limits().MaxPending/4 && c.flags.Load()&holdPending != 0 {
		c.release(holdPending)
		c.attend |= attendInterest
	}
	if q.waiting > 0 {
		q.room.Broadcast()
	}
	c.callWaiter(q)
	if q.main.bytes+q.held > 0 {
		return
	}
	if q.refused || q.crowded && q.behind.bytes == 0 {
		q.refused, q.crowded = false, false
		c.attend |= attendDrained
	}
	if q.writer == nil && !q.pongDue && q.waiters.first == nil {
		c.returnQueue(q)
	}
}
