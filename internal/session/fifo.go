package session

// fifo is a queue: what is pushed first is popped first.
type fifo[T any] struct {
	items []T // those waiting are items[head:]
	head  int
}

// waiting is how many wait.
func (q *fifo[T]) waiting() int { return len(q.items) - q.head }

// all are those that wait, until the next push or pop.
func (q *fifo[T]) all() []T { return q.items[q.head:] }

func (q *fifo[T]) push(v T) {
	if len(q.items) == cap(q.items) && q.head > len(q.items)/2 {
		// A queue that is never empty must not grow for all that passes through it.
		n := copy(q.items, q.all())
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, v)
}

func (q *fifo[T]) pop() T {
	v := *q.first()
	q.drop()
	return v
}

// first is the one that is popped next, until the next push or pop. There must be one.
func (q *fifo[T]) first() *T { return &q.items[q.head] }

// drop is pop for one that nobody needs.
func (q *fifo[T]) drop() {
	clear(q.items[q.head : q.head+1])
	q.head++
	if q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
	}
}

// eventQueue has events that wait, and counts the bytes of their payloads.
type eventQueue struct {
	fifo[event]
	bytes int
}

func (q *eventQueue) push(ev event) {
	q.fifo.push(ev)
	if ev.buf != nil {
		q.bytes += len(ev.buf.B)
	}
}

func (q *eventQueue) pop() event {
	ev := q.fifo.pop()
	if ev.buf != nil {
		q.bytes -= len(ev.buf.B)
	}
	return ev
}

// dropMessages gives back what waits for callbacks that will not run any more, or for Receive. Pieces
// of a message stay: a Reader may be waiting for them.
func (q *eventQueue) dropMessages() {
	kept := q.items[:0]
	for _, ev := range q.all() {
		switch ev.kind {
		case eventMessage, eventPing, eventPong:
			q.bytes -= len(ev.buf.B)
			ev.buf.Release()
		default:
			kept = append(kept, ev)
		}
	}
	clear(q.items[len(kept):])
	q.items, q.head = kept, 0
}

// size is how many bytes of buffers it holds.
func (q *eventQueue) size() (n int) {
	for _, ev := range q.all() {
		if ev.buf != nil {
			n += cap(ev.buf.B)
		}
	}
	return n
}
