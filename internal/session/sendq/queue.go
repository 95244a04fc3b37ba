// Package sendq is the queue of frames that wait to be sent on one connection.
//
// A [Queue] is a run of chunks. A chunk is a pooled buffer of the connection's own, which
// holds the bytes of several frames, or it refers to a [Frame], which any number of queues
// share. A shared frame is read-only: no method of a Queue writes to its bytes.
//
// What a queue knows about single frames lies beside the bytes, in entries, and only where
// it is needed: an entry exists for a message with a key, and for bytes that were dropped.
// Of all other frames the header says enough.
//
// Nothing here locks: a connection guards its queue. Only a Frame and a [Store] may be used
// from any goroutine.
package sendq

import (
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/mask"
)

const (
	// ChunkSize is the size of the largest buffer taken for frames, in bytes.
	ChunkSize = 64 << 10
	// MaxVector is how many chunks are given to a transport at once.
	MaxVector = 64
)

// Queue is the frames that wait, in the order in which they will be sent. The zero value is
// ready. A Queue must not be copied.
type Queue struct {
	run
	dead int // bytes that were dropped and still lie in chunks

	begun  int64 // the position of the first frame of which nothing has left
	oldest int64 // no frame before this position may be dropped any more

	control    int   // bytes of control frames, until the last of them has left
	controlEnd int64 // where that one ends
}

// UseFirst gives the queue an empty buffer of the caller's for frames that fit in it. Then
// no pool is asked for a buffer.
func (q *Queue) UseFirst(b *buffer.Buffer) { q.own = b }

// Len is how many bytes wait.
func (q *Queue) Len() int { return q.bytes - q.dead }

// Empty tells whether no chunk is held, not even for bytes that were dropped.
func (q *Queue) Empty() bool { return q.bytes == 0 }

// Chunks is how many chunks hold what waits.
func (q *Queue) Chunks() int { return len(q.chunks) }

// Gone is how many bytes have left the queue so far.
func (q *Queue) Gone() int64 { return q.gone }

// Control is how many bytes of control frames count as waiting: all since the queue last
// had none.
func (q *Queue) Control() int { return q.control }

// Append copies bytes that are not whole frames. [Queue.Freeze] must follow, unless they
// are the rest of a frame that is the last one.
func (q *Queue) Append(s *Store, p []byte) { q.append(s, p, 0) }

// AppendFrame copies a frame, and masks it if the header says so.
func (q *Queue) AppendFrame(s *Store, h frame.Header, payload []byte) {
	room := frame.MaxHeaderLen + len(payload)
	if room <= ChunkSize {
		if tail := q.tail(s, room); cap(tail.B)-len(tail.B) >= room {
			before := len(tail.B)
			tail.B = frame.AppendHeader(tail.B, h)
			if at := len(tail.B); h.Masked {
				tail.B = tail.B[:at+len(payload)]
				mask.Copy(tail.B[at:], payload, h.MaskingKey)
			} else {
				tail.B = append(tail.B, payload...)
			}
			q.bytes += len(tail.B) - before
			return
		}
	}
	var head [frame.MaxHeaderLen]byte
	q.append(s, frame.AppendHeader(head[:0], h), 0)
	q.append(s, payload, h.MaskingKey)
}

// AppendShared appends a shared frame without a copy. The queue holds the frame until it
// has left or is dropped.
func (q *Queue) AppendShared(s *Store, f *Frame) {
	f.retain(s)
	q.bytes += f.Len()
	q.push(s, chunk{shared: f})
}

// NoteControl counts the last n bytes as a control frame.
func (q *Queue) NoteControl(n int) {
	q.control += n
	q.controlEnd = q.end()
}

// Vector appends what waits, as buffers, to iov: at most [MaxVector] of them. What was
// dropped is no part of it.
func (q *Queue) Vector(iov [][]byte) [][]byte {
	if q.dead > 0 {
		q.Compact()
	}
	off := q.off
	for _, c := range q.chunks[:min(len(q.chunks), MaxVector)] {
		iov = append(iov, c.bytes()[off:])
		off = 0
	}
	return iov
}

// Consume removes the first n bytes of what [Queue.Vector] gave: they were sent.
func (q *Queue) Consume(n int) {
	if n == q.bytes { // all of it, as mostly
		q.Clear()
		return
	}
	to := q.gone + int64(n)
	if q.begun < to {
		q.pass(to)
	}
	q.oldest = max(q.oldest, q.begun)
	q.forgetBegun()
	q.remove(n)
	if q.gone >= q.controlEnd {
		q.control = 0
	}
}

// pass moves begun to the first frame that begins at that position or behind it.
func (q *Queue) pass(to int64) {
	at := q.seek(q.begun)
	for q.begun < to {
		_, size := q.frameAt(at)
		q.begun += int64(size)
		q.advance(&at, size)
	}
}

// Freeze counts all that is in the queue as begun.
func (q *Queue) Freeze() {
	q.Compact()
	q.begun, q.oldest = q.end(), q.end()
	q.forgetBegun()
}

// Clear removes everything.
func (q *Queue) Clear() {
	if q.bytes == 0 && q.more == nil {
		return // it was cleared when the last bytes left
	}
	q.gone += int64(q.bytes)
	for i := range q.chunks {
		q.chunks[i].release()
		q.chunks[i] = chunk{}
	}
	q.chunks = q.single[:0]
	q.off, q.bytes, q.dead, q.control = 0, 0, 0, 0
	q.begun, q.oldest = q.gone, q.gone
	if q.more != nil {
		q.more.release()
		q.more = nil
	}
}

// Join appends all of o, which is empty then. What could not be dropped there cannot be
// here, unless messages before it can.
func (q *Queue) Join(s *Store, o *Queue) {
	o.Compact() // so that nothing is dropped behind the oldest message
	if o.bytes == 0 {
		return
	}
	by := q.end() - o.gone
	if q.Droppable(1) == 0 {
		q.oldest = max(q.oldest, o.oldest+by)
	}
	if o.more != nil {
		for _, e := range o.more.waiting() {
			q.add(s, entry{at: e.at + by, size: e.size, key: e.key})
		}
	}
	for i, c := range o.chunks {
		q.push(s, c)
		o.chunks[i] = chunk{} // they are not o's any more
	}
	q.bytes += o.bytes
	o.Clear()
}
