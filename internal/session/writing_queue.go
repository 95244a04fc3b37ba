package session

import (
	"sync"
	"unsafe"

	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/session/sendq"
)

// queue is what a connection is lent while frames wait for the transport, or while a
// message is being written. The connection's mu guards all of it.
type queue struct {
	main sendq.Queue // the frames, in the order in which they will be sent

	held            int          // bytes that the transport has taken and holds back: see transport.Holder
	stall           stall        // since when it takes nothing
	blocked         bool         // the transport is full; Writable will tell when it is not
	refused         bool         // bytes, or a send, were refused since main was last empty
	blockedByWriter bool         // a send was refused for what waits behind the Writer's message
	writer          *openMessage // the Writer's that is open

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

// openMessage is what the queue knows of a message that a Writer has begun and not ended.
// Guarded by the connection's mu: the end of the connection takes the buffers away.
type openMessage struct {
	buf     *buffer.Buffer // gathered, not yet sent
	own     context        // what was sent compressed, where that does not outlive the message
	behind  sendq.Queue    // whole messages that wait for the end of this one
	room    sync.Cond      // signalled when what is pending has shrunk, for CopyFrom
	waiting bool           // CopyFrom waits for that
}

// drop gives the buffers of what was gathered back.
func (m *openMessage) drop() {
	if m.buf != nil {
		m.buf.Release()
		m.buf = nil
	}
	m.own.forget()
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

// Whether there is room depends on the bound, which is the connection's MaxPending.

// fits tells whether n more bytes of frames keep within the bound.
func (q *queue) fits(n, bound int) bool { return n <= bound-q.pending()-q.keyCost() }

// hasRoomFor tells whether a Writer's frame of n bytes fits. What was gathered under a larger
// bound goes alone; and what waits behind the message must not keep it from its end, be it
// more than the bound is by now.
func (q *queue) hasRoomFor(n, bound int) bool {
	return q.fits(n, bound) || q.main.Empty() && q.held == 0
}

// lack is by how many bytes a message of n does not fit: in all, and among those that
// wait behind a Writer's, which must always be able to go on and has half of the
// bound to itself.
func (q *queue) lack(n, bound int) (total, behind int) {
	total = n - (bound - q.pending() - q.keyCost())
	if w := q.writer; w != nil {
		behind = n - (bound/2 - w.behind.Len() - sendq.KeyCost*w.behind.Keys())
	}
	return total, behind
}

// hasRoom tells whether a frame of n bytes need not wait.
func (q *queue) hasRoom(n, bound int) bool {
	n = min(n, bound) // compressed it may fit, and otherwise it is refused
	total, behind := q.lack(n, bound)
	return total <= 0 && behind <= 0 && q.pending() <= bound/4
}

// callWaiter has the first that waits look again, if there is room for it now.
func (q *queue) callWaiter(bound int) {
	if q.waiters.first != nil { // this much is inlined
		q.callFirst(bound)
	}
}

func (q *queue) callFirst(bound int) {
	if w := q.waiters.first; q.hasRoom(w.size, bound) {
		w.ready.Signal()
	}
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

// size is how many bytes the queue takes, with all that it is lent.
func (q *queue) size() int {
	n := int(unsafe.Sizeof(*q)) + q.main.Size() + q.held
	if q.pong != nil {
		n += cap(q.pong.B)
	}
	if w := q.writer; w != nil {
		n += w.behind.Size()
		if w.buf != nil {
			n += cap(w.buf.B)
		}
	}
	return n
}

// uncounted is what was done with a queue and is not yet counted. Guarded by the
// connection's mu.
type uncounted struct {
	messages, data uint64 // whole messages and data frames taken for sending
	bytes          uint64 // written
	pending        int    // what the counters take the queue to hold, in bytes
	onLoop         bool   // the loop is at work on the queue: it counts without atomics
}
