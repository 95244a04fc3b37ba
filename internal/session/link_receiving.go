package session

import (
	"errors"
	"fmt"
	"sync"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/buffer"
)

// ErrNotReading: Receive was called on a connection that calls back instead.
var ErrNotReading = errors.New("framerail: the connection is not read with Receive")

var (
	errCallback = fmt.Errorf("%w: it has a callback for messages", ErrNotReading)
	errLate     = fmt.Errorf("%w: call Messages or Receive before OnConnection returns", ErrNotReading)
	errTwo      = errors.New("framerail: two calls of Receive at the same time")
)

// receiving has the messages that wait for Receive, and behind them how the peer ended. All
// fields are guarded by the connection's mu.
type receiving struct {
	eventQueue
	more sync.Cond      // for the call of Receive that waits
	last *buffer.Buffer // of the message that Receive returned last; nil for none

	busy    bool // a call of Receive is under way
	opening bool // the Open callback reads, and goes on beside other callbacks
	closes  bool // the Close callback waits for the Open callback
}

// full tells whether the peer must not be read from.
func (in *receiving) full(most *limits) bool {
	return in.waiting() >= most.QueueMessages || in.bytes >= most.QueueBytes
}

// roomIncoming is for how many events a queue is lent room at first.
const roomIncoming = 2

// incomingRoom lends room to queues, so that a connection whose reader waits has none.
var incomingRoom = sync.Pool{New: func() any { return new([roomIncoming]event) }}

// put is push for a queue that may have no room yet.
func (in *receiving) put(ev event) {
	if cap(in.items) == 0 {
		in.items = incomingRoom.Get().(*[roomIncoming]event)[:0]
	}
	in.push(ev)
}

// returnRoom gives back the room of an empty queue. pop has cleared it.
func (in *receiving) returnRoom() {
	if cap(in.items) == roomIncoming {
		incomingRoom.Put((*[roomIncoming]event)(in.items[:roomIncoming]))
	}
	in.items = nil
}

// disown leaves the buffers to the garbage collector: the program may never call Receive again.
func (in *receiving) disown() {
	for _, ev := range in.all() {
		if ev.buf != nil {
			ev.buf.Disown()
		}
	}
	if in.last != nil {
		in.last.Disown()
	}
}

// size is how many bytes of buffers it holds.
func (in *receiving) size() int {
	n := in.eventQueue.size()
	if in.last != nil {
		n += cap(in.last.B)
	}
	return n
}

// receiving is the connection's, made if there is none. mu is held.
func (c *link) receiving() *receiving {
	x := c.makeExtras()
	if x.receiving == nil {
		x.receiving = new(receiving)
		x.receiving.more.L = &c.mu
	}
	return x.receiving
}

// received is the connection's receiving; nil for none. mu is held.
func (c *link) received() *receiving {
	if c.extras == nil {
		return nil
	}
	return c.extras.receiving
}

// reads tells whether the program reads with Receive. From any goroutine.
func (c *link) reads() bool {
	if c.flags.Load()&flagReads == 0 {
		return false
	}
	h := &c.terms.Load().Handlers
	return h.Message == nil && h.Stream == nil
}

// keeps tells whether messages without a callback wait for Receive: also those of a client, which
// gets its connection after the first may have come. From any goroutine.
func (c *link) keeps() bool {
	return c.flags.Load()&flagReads != 0 || c.role() == frame.Client
}

// wakeReceiver has Receive look again. mu is held.
func (c *link) wakeReceiver() {
	if in := c.received(); in != nil {
		in.more.Broadcast()
	}
}
