package sendq

import (
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/mask"
)

// chunk is a run of bytes in a queue. One of the two is set.
type chunk struct {
	buf    *buffer.Buffer // the connection's own
	shared *Frame         // read-only, and held by other queues too
}

func (c chunk) bytes() []byte {
	if c.shared != nil {
		return c.shared.iov[0]
	}
	return c.buf.B
}

func (c chunk) release() {
	switch {
	case c.shared != nil:
		c.shared.leave()
	case c.buf != nil:
		c.buf.Release()
	}
}

// free is how many bytes can be appended to the chunk.
func (c chunk) free() int {
	if c.shared != nil {
		return 0
	}
	return cap(c.buf.B) - len(c.buf.B)
}

// run is a run of bytes in chunks.
//
// Positions count the bytes that were ever in it, so that they stay valid while it is
// consumed. Compaction moves them.
type run struct {
	chunks []chunk        // in single or in more.chunks
	single [1]chunk       // mostly enough
	more   *backlog       // nil unless there are several chunks, or a queue's entries
	own    *buffer.Buffer // memory of the caller's for short frames; nil if it has none

	off   int   // bytes of the first chunk that are gone
	bytes int   // bytes in the chunks that are not gone
	gone  int64 // the position of the first byte
}

func (r *run) end() int64 { return r.gone + int64(r.bytes) }

// append copies p, masked with the key.
func (r *run) append(s *Store, p []byte, key mask.Key) {
	r.bytes += len(p)
	for len(p) > 0 {
		tail := r.tail(s, len(p))
		n := min(cap(tail.B)-len(tail.B), len(p))
		if at := len(tail.B); key != 0 {
			tail.B = tail.B[:at+n]
			mask.Copy(tail.B[at:], p[:n], key)
			key = key.Rotate(n)
		} else {
			tail.B = append(tail.B, p[:n]...)
		}
		p = p[n:]
	}
}

// remove gives back the chunks of the first n bytes, which are not all.
func (r *run) remove(n int) {
	r.unhint()
	r.bytes -= n
	r.gone += int64(n)
	done := 0
	for ; ; done++ {
		left := len(r.chunks[done].bytes()) - r.off
		if n < left {
			r.off += n
			break
		}
		n -= left
		r.off = 0
		r.chunks[done].release()
		r.chunks[done] = chunk{}
	}
	r.chunks = r.chunks[done:]
}

// backlog is the run's, lent if it has none.
func (r *run) backlog(s *Store) *backlog {
	if r.more == nil {
		r.more = s.lendBacklog()
	}
	return r.more
}

// tail is the last chunk's buffer, with room in it. Buffers double from one to the next, so
// that a single short frame takes little memory and a long queue few buffers.
func (r *run) tail(s *Store, n int) *buffer.Buffer {
	if len(r.chunks) > 0 {
		last := r.chunks[len(r.chunks)-1]
		if last.free() > 0 {
			return last.buf
		}
		if last.shared == nil {
			n = max(n, 2*cap(last.buf.B))
		}
	}
	b := r.own
	if b == nil || n > cap(b.B) || len(b.B) > 0 {
		b = s.Pool.Get(min(n, ChunkSize))
	}
	r.push(s, chunk{buf: b})
	return b
}

// push appends a chunk.
func (r *run) push(s *Store, c chunk) {
	if len(r.chunks) == cap(r.chunks) {
		r.growChunks(s)
	}
	r.chunks = append(r.chunks, c)
}

// growChunks sees that there is room for one more chunk.
func (r *run) growChunks(s *Store) {
	if len(r.chunks) == 0 && r.more == nil {
		r.chunks = r.single[:0]
		return
	}
	m := r.backlog(s)
	if cap(m.chunks) < 2*len(r.chunks) || cap(m.chunks) == 0 {
		m.chunks = make([]chunk, 0, max(minList, 2*len(r.chunks)))
		m.charge()
	}
	moved := append(m.chunks[:0], r.chunks...) // down to the beginning, or to the new list
	if rest := moved[len(moved):cap(moved)]; len(rest) > 0 {
		clear(rest)
	}
	clear(r.single[:])
	r.chunks = moved
}

// cursor is a place in a queue: a byte of a chunk, or the end.
type cursor struct{ chunk, off int }

func (r *run) seek(at int64) cursor {
	c, from := cursor{0, r.off}, r.gone
	if m := r.more; m != nil && m.hintAt > from && m.hintAt <= at {
		c, from = m.hint, m.hintAt
	}
	r.advance(&c, int(at-from))
	return c
}

func (r *run) advance(c *cursor, n int) {
	for c.chunk < len(r.chunks) {
		left := len(r.chunks[c.chunk].bytes()) - c.off
		if n < left {
			c.off += n
			return
		}
		n -= left
		c.chunk, c.off = c.chunk+1, 0
	}
}

// setHint has seek begin at that position the next time. Without it dropping the oldest of
// many chunks would pass all that were dropped before.
func (r *run) setHint(at int64) {
	if m := r.more; m != nil {
		if m.hint, m.hintAt = r.seek(at), at; at == r.end() {
			m.hintAt = 0 // the last chunk may grow
		}
	}
}

// unhint forgets that: chunks have moved.
func (r *run) unhint() {
	if r.more != nil {
		r.more.hintAt = 0
	}
}

// frameAt is the header of the frame at c, and the size of all of it. At the end the size
// is 0.
func (r *run) frameAt(c cursor) (h frame.Header, size int) {
	if c.chunk == len(r.chunks) {
		return h, 0
	}
	b := r.chunks[c.chunk].bytes()[c.off:]
	var scratch [frame.MaxHeaderLen]byte
	if len(b) < len(scratch) { // it may go on in the next chunks
		n := copy(scratch[:], b)
		for _, next := range r.chunks[c.chunk+1:] {
			if n == len(scratch) {
				break
			}
			n += copy(scratch[n:], next.bytes())
		}
		b = scratch[:n]
	}
	h, n, _ := frame.DecodeHeader(b) // made by this side: it is whole and right
	return h, n + int(h.PayloadLen)
}

// Size is how many bytes of memory the run holds: its buffers, what it takes to know
// them, and its share of shared frames. The first buffer of the caller's is no part of it.
func (r *run) Size() (n int) {
	for _, c := range r.chunks {
		switch {
		case c.shared != nil:
			n += c.shared.share()
		case c.buf != r.own:
			n += cap(c.buf.B)
		}
	}
	if r.more != nil {
		n += r.more.charged
	}
	return n
}

// Fit moves what is left, at most a chunk, to a buffer of its size.
func (q *Queue) Fit(s *Store) {
	if q.bytes == 0 || q.Size() <= max(2*q.bytes, buffer.MinSize) {
		return
	}
	q.unhint()
	b := s.Pool.Get(q.bytes)
	off := q.off
	for i, c := range q.chunks {
		b.B = append(b.B, c.bytes()[off:]...)
		off = 0
		c.release()
		q.chunks[i] = chunk{}
	}
	q.off = 0
	q.single[0] = chunk{buf: b}
	q.chunks = q.single[:1]
	if q.more != nil && len(q.more.waiting()) == 0 {
		q.more.release()
		q.more = nil
	}
}
