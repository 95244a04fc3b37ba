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

	control int  // bytes of control frames in main, counted until it is empty
	blocked bool // the transport is full; Writable will tell when it is not
	refused bool // it has been since main was last empty
	writing bool // a Writer is open

	// RFC 6455 5.5.3: of several pings only the latest need be answered. It waits
	// here while there is no room.
	pongDue bool
	pong    []byte // in pongBuf
	pongBuf [frame.MaxControlPayload]byte

	room    sync.Cond // signalled when main shrinks, for Writer.ReadFrom
	waiting int       // goroutines that wait for room
	iov     [][]byte
	head    [frame.MaxHeaderLen]byte
}

// segments is a run of bytes in pooled buffers.
type segments struct {
	bufs  []*buffer.Buffer
	off   int // bytes of bufs[0] that are gone
	bytes int
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
	q.main.drop()
	q.behind.drop()
	q.control, q.blocked, q.refused, q.pongDue = 0, false, false, false
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
		h.Masked, h.MaskingKey = true, newMaskingKey()
	}
	pool := &c.loop.pool
	s.append(pool, frame.AppendHeader(q.head[:0], h), 0)
	s.append(pool, payload, h.MaskingKey)
}

// newMaskingKey draws a key that an attacker cannot predict (RFC 6455 10.3).
func newMaskingKey() mask.Key {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return mask.KeyFromBytes(b)
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

// flush writes what is pending, as far as the transport takes it. mu is held.
func (c *Conn) flush() {
	q := c.tx
	if q == nil {
		return
	}
	for q.main.bytes > 0 && !q.blocked {
		n, ok := c.write(q, q.main.vec(q.iov[:0]))
		if !ok {
			return
		}
		q.main.consume(n)
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
	if err != nil && err != ErrWouldBlock {
		c.broke("write", err)
		return n, false
	}
	if n < total {
		q.blocked, q.refused = true, true
	}
	return n, true
}

// flushed does what there is to do when main has shrunk. mu is held.
func (c *Conn) flushed(q *queue) {
	if q.pongDue && q.main.bytes == 0 {
		q.pongDue = false
		if c.State() == Open {
			c.enqueue(&q.main, frame.Header{Fin: true, Opcode: frame.Pong}, q.pong)
			if c.wake() { // it goes with the next turn
				defer c.loop.host.Schedule((*Driver)(c))
			}
		}
	}
	max := c.loop.config.MaxPending
	if q.main.bytes+q.behind.bytes <= max/4 && c.held.Load()&holdPending != 0 {
		c.release(holdPending)
	}
	q.room.Broadcast()
	if q.main.bytes > 0 {
		return
	}
	q.control = 0
	if q.refused {
		q.refused = false
		c.drained = true
	}
	if !q.writing {
		c.returnQueue(q)
	}
}
