package session

import (
	"iter"

	"github.com/framerail/framerail/frame"
)

// line is a run of frames that wait, some of which may be dropped before they leave.
// A frame that is dropped is marked where it lies, and its bytes are closed over
// later, for many at once: see queue.compact, which comes before every write.
//
// Positions count the bytes that were ever in the line, so that they stay valid
// while it is consumed; compaction moves them.
type line struct {
	segments
	dead int // bytes of frames that were dropped and still lie in it

	begun int64 // where the first frame begins of which nothing has left
	// No frame before it can be dropped any more.
	oldest int64
}

// dropped marks a frame as dropped, in its first byte. It is RSV3, which no frame of
// this side's has.
const dropped = 0x10

// compactSlack is how many bytes may be dead, beyond a quarter of the others, before
// they are closed over. So compaction moves at most five bytes for each that was
// dropped, and the line takes a quarter more memory than is pending.
const compactSlack = 4 << 10

func (l *line) end() int64 { return l.gone + int64(l.bytes) }

// live is how many bytes of frames wait in the line.
func (l *line) live() int { return l.bytes - l.dead }

// cursor is a place in a line: a byte of a buffer of its, or the end.
type cursor struct{ buf, off int }

func (l *line) seek(at int64) (c cursor) {
	c = cursor{0, l.off}
	l.advance(&c, int(at-l.gone))
	return c
}

func (l *line) advance(c *cursor, n int) {
	for c.buf < len(l.bufs) {
		left := len(l.bufs[c.buf].B) - c.off
		if n < left {
			c.off += n
			return
		}
		n -= left
		c.buf, c.off = c.buf+1, 0
	}
}

// frame is the header of the frame at c, and the size of all of it. The end is of
// size 0.
func (l *line) frame(c cursor) (h frame.Header, size int) {
	if c.buf == len(l.bufs) {
		return h, 0
	}
	b := l.bufs[c.buf].B[c.off:]
	var scratch [frame.MaxHeaderLen]byte
	if len(b) < len(scratch) { // it may go on in the next buffers
		n := copy(scratch[:], b)
		for _, next := range l.bufs[c.buf+1:] {
			n += copy(scratch[n:], next.B)
		}
		b = scratch[:n]
	}
	h, n, _ := frame.DecodeHeader(b) // made here: it is whole and right
	return h, n + int(h.PayloadLen)
}

// leave notes that the first n bytes leave.
func (l *line) leave(n int) {
	to := l.gone + int64(n)
	if n == l.bytes {
		l.begun = to
	} else if l.begun < to {
		l.pass(to)
	}
	l.oldest = max(l.oldest, l.begun)
}

// pass moves begun to the first frame that begins at that place or behind it.
func (l *line) pass(to int64) {
	at := l.seek(l.begun)
	for l.begun < to {
		_, size := l.frame(at)
		l.begun += int64(size)
		l.advance(&at, size)
	}
}

// keep lets nothing be dropped that is in the line.
func (l *line) keep() { l.oldest = l.end() }

// freeze counts all that is in the line as begun.
func (l *line) freeze() { l.begun, l.oldest = l.end(), l.end() }

// clear gives all buffers back.
func (l *line) clear() {
	l.consume(l.bytes)
	l.dead = 0
	l.freeze()
}

// messages are the whole messages that may be dropped, oldest first: where each
// begins, and its size. Fragments are no whole messages.
func (l *line) messages() iter.Seq2[int64, int] {
	return func(yield func(int64, int) bool) {
		at := l.seek(l.oldest)
		for pos := l.oldest; pos < l.end(); {
			h, size := l.frame(at)
			if h.Fin && !h.RSV3 && (h.Opcode == Text || h.Opcode == Binary) && !yield(pos, size) {
				return
			}
			pos += int64(size)
			l.advance(&at, size)
		}
	}
}

// droppable is how many bytes of messages may be dropped, counted up to need.
func (l *line) droppable(need int) (n int) {
	if need <= 0 {
		return 0
	}
	for _, size := range l.messages() {
		if n += size; n >= need {
			break
		}
	}
	return n
}

// drop drops the frame at pos, of that size.
func (l *line) drop(pos int64, size int) {
	at := l.seek(pos)
	l.bufs[at.buf].B[at.off] |= dropped
	l.dead += size
}

// compact closes over what was dropped, in place. moved is told of each frame that
// stays, where it was and where it is. The frames move towards the head, so that none
// is overwritten before it was moved.
func (l *line) compact(moved func(h frame.Header, from, to int64, size int)) {
	from, to := l.begun, l.begun
	read := l.seek(from)
	write := read
	oldest := l.oldest
	for end := l.end(); from < end; {
		h, size := l.frame(read)
		if h.RSV3 {
			l.advance(&read, size)
			if from < l.oldest {
				oldest -= int64(size)
			}
		} else {
			moved(h, from, to, size)
			l.shift(&write, &read, size)
			to += int64(size)
		}
		from += int64(size)
	}
	l.cut(write)
	l.bytes -= l.dead
	l.dead, l.oldest = 0, oldest
}

// shift moves n bytes from read to write, which is not behind it, and both cursors.
func (l *line) shift(write, read *cursor, n int) {
	for n > 0 {
		dst, src := l.bufs[write.buf].B[write.off:], l.bufs[read.buf].B[read.off:]
		m := min(n, len(dst), len(src))
		if *write != *read {
			copy(dst[:m], src[:m])
		}
		l.advance(write, m)
		l.advance(read, m)
		n -= m
	}
}

// cut drops the bytes from at on, and the buffers that only they were in.
func (l *line) cut(at cursor) {
	if at.buf == len(l.bufs) {
		return
	}
	keep := at.buf
	if start := (cursor{0, l.off}); at.off > 0 && at != start {
		l.bufs[at.buf].B = l.bufs[at.buf].B[:at.off]
		keep++
	}
	for _, b := range l.bufs[keep:] {
		b.Release()
	}
	clear(l.bufs[keep:])
	l.bufs = l.bufs[:keep]
	if keep == 0 {
		l.off = 0
	}
}

// move appends all of o, which is empty then. It returns by how much its positions
// have moved. What could not be dropped there cannot be here.
func (l *line) move(o *line) (by int64) {
	by = l.end() - o.gone
	if l.droppable(1) == 0 {
		l.oldest = max(l.oldest, o.oldest+by)
	}
	l.segments.move(&o.segments)
	l.dead += o.dead
	o.dead = 0
	o.freeze()
	return by
}
