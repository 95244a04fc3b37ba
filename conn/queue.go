package conn

import (
	"crypto/rand"
	"sync"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/mask"
)

// queue holds the frames that wait for the transport. It is lent by the loop while
// there are any, or while a message is being written. All of it is guarded by
// the connection's mu.
type queue struct {
	main   segments // in the order they will go
	behind segments // whole messages that wait for the end of the one being written

	// Bytes of control frames in main, counted until the last of them has left:
	// controlEnd bytes of main are up to its end.
	control, controlEnd int

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

	room    sync.Cond // signalled when main shrinks, for Writer.ReadFrom
	waiting int       // goroutines that wait for room
	iov     [][]byte
	head    [frame.MaxHeaderLen]byte

	// Random bytes for masking keys, drawn many at once; those left are
	// keys[len(keys)-keysLeft:].
	keys     [256]byte
	keysLeft int
}

// segments is a run of bytes in pooled buffers.
type segments struct {
	bufs  []*buffer.Buffer
	off   int // bytes of bufs[0] that are gone
	bytes int
	gone  int64 // bytes that have left it so far
}

const (
	segmentSize = 64 << 10 // the largest buffer taken for frames
	maxIovecs   = 64       // buffers given to the transport at once
)

// out is the connection's queue, lent if there is none. mu is held.
func (c *Conn) out() *queue {
	if c.tx == nil {
		q, _ := c.loop.queues.Get().(*queue)
		if q == nil {
			q = new(queue)
		}
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
	q.main.drop()
	q.behind.drop()
	c.settleTally(q)
	q.tally.onLoop = false
	q.control, q.blocked, q.refused, q.crowded, q.pongDue = 0, false, false, false, false
	q.stall = stall{}
	q.room.Broadcast()
	c.tx = nil
	if q.waiting == 0 { // who waits will lock this connection's mu again
		c.loop.queues.Put(q)
	}
}

// enqueue appends a frame, masked if this side is a client (RFC 6455 5.3). mu is
// held.
func (c *Conn) enqueue(s *segments, h frame.Header, payload []byte) {
	q := c.out()
	h.PayloadLen = int64(len(payload))
	if c.loop.config.Role == frame.Client {
		h.Masked, h.MaskingKey = true, q.newMaskingKey()
	}
	c.countTaken(q, h)
	pool := &c.loop.pool
	s.append(pool, frame.AppendHeader(q.head[:0], h), 0)
	s.append(pool, payload, h.MaskingKey)
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

// append copies p, masked with the key, behind what is there.
func (s *segments) append(pool *buffer.Pool, p []byte, key mask.Key) {
	s.bytes += len(p)
	for len(p) > 0 {
		tail := s.tail(pool, len(p))
		n := min(cap(tail.B)-len(tail.B), len(p))
		at := len(tail.B)
		tail.B = append(tail.B, p[:n]...)
		if key != 0 {
			mask.XOR(tail.B[at:], key)
			key = key.Rotate(n)
		}
		p = p[n:]
	}
}

// tail is the last buffer, with room in it. Buffers double from one to the next, so
// that a single short frame takes little and a long queue few.
func (s *segments) tail(pool *buffer.Pool, n int) *buffer.Buffer {
	if len(s.bufs) > 0 {
		last := s.bufs[len(s.bufs)-1]
		if len(last.B) < cap(last.B) {
			return last
		}
		n = max(n, 2*cap(last.B))
	}
	b := pool.Get(min(n, segmentSize))
	s.bufs = append(s.bufs, b)
	return b
}

// vec appends the bytes, as buffers, to iov; not more than fit in one call.
func (s *segments) vec(iov [][]byte) [][]byte {
	off := s.off
	for _, b := range s.bufs[:min(len(s.bufs), maxIovecs)] {
		iov = append(iov, b.B[off:])
		off = 0
	}
	return iov
}

// consume drops the first n bytes.
func (s *segments) consume(n int) {
	s.bytes -= n
	s.gone += int64(n)
	done := 0
	for ; done < len(s.bufs); done++ {
		b := s.bufs[done]
		left := len(b.B) - s.off
		if n < left {
			s.off += n
			break
		}
		n -= left
		s.off = 0
		b.Release()
		s.bufs[done] = nil
	}
	s.bufs = append(s.bufs[:0], s.bufs[done:]...)
}

// move appends all of o, which is empty then.
func (s *segments) move(o *segments) {
	s.bufs = append(s.bufs, o.bufs...)
	s.bytes += o.bytes
	clear(o.bufs)
	o.bufs, o.bytes = o.bufs[:0], 0
}

func (s *segments) drop() { s.consume(s.bytes) }

// fits tells whether n more bytes of frames keep within the bound. mu is held.
func (c *Conn) fits(q *queue, n int) bool {
	return n <= c.loop.config.MaxPending-q.main.bytes-q.behind.bytes
}

// boundPending stops the input while the peer does not read what it causes to be
// sent. What waits behind a Writer does not count: the Writer may need the input
// to go on. mu is held.
func (c *Conn) boundPending(q *queue) {
	if q.main.bytes > c.loop.config.MaxPending/2 {
		c.hold(holdPending)
	}
}

// flushTurn is flush on the loop, which then has counted what was sent. mu is held.
func (c *Conn) flushTurn() {
	if c.tx == nil {
		return
	}
	c.tx.tally.onLoop = true
	c.flush()
	if q := c.tx; q != nil {
		c.settleTally(q)
		q.tally.onLoop = false
	}
}

// flush writes what is pending, as far as the transport takes it. mu is held.
func (c *Conn) flush() {
	q := c.tx
	if q == nil {
		return
	}
	for {
		for q.main.bytes > 0 && !q.blocked {
			n, ok := c.write(q, q.main.vec(q.iov[:0]))
			if !ok {
				return
			}
			q.consume(n)
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
	clear(iov)
	q.iov = iov[:0]
	q.tally.bytes += uint64(n)
	if err != nil && err != ErrWouldBlock {
		c.broke("write", err)
		return n, false
	}
	if n < total {
		q.blocked, q.refused = true, true
		c.attend = true
	}
	return n, true
}

// consume drops the first n bytes of main.
func (q *queue) consume(n int) {
	q.main.consume(n)
	if q.controlEnd -= n; q.controlEnd <= 0 {
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
	if q.main.bytes <= c.loop.config.MaxPending/4 && c.held.Load()&holdPending != 0 {
		c.release(holdPending)
		c.attend = true
	}
	if q.waiting > 0 {
		q.room.Broadcast()
	}
	if q.main.bytes > 0 {
		return
	}
	if q.refused || q.crowded && q.behind.bytes == 0 {
		q.refused, q.crowded = false, false
		c.drained = true
	}
	if q.writer == nil && !q.pongDue {
		c.returnQueue(q)
	}
}
