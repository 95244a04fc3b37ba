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

// receiving is the state of a program that reads with Receive. All fields are guarded by the connection's
// mu. A connection whose reader waits has nothing else of a reader's.
type receiving struct {
	held  *heldMessages  // nil while no message waits or is with the program
	woken sync.WaitGroup // at 1 while a call of Receive waits: smaller than a sync.Cond

	waits   bool // for woken
	busy    bool // a call of Receive is under way
	opening bool // the Open callback reads, and goes on beside other callbacks
	closes  bool // the Close callback waits for the Open callback
}

// heldMessages are those that wait for Receive, and behind them how the peer ended.
type heldMessages struct {
	eventQueue
	last *buffer.Buffer // of the message that Receive returned last; nil for none
	room [2]event       // of a short queue
}

var spareMessages = sync.Pool{New: func() any { return new(heldMessages) }}

// put queues an event, and wakes the call of Receive that waits.
func (in *receiving) put(ev event) {
	if in.held == nil {
		in.held = spareMessages.Get().(*heldMessages)
		in.held.items = in.held.room[:0]
	}
	in.held.push(ev)
	in.wake()
}

// pop takes the next of those that wait.
func (in *receiving) pop() event { return in.held.pop() }

// popMessage is pop for a message, of which it copies no more than it must.
func (in *receiving) popMessage() (op frame.Opcode, buf *buffer.Buffer) {
	ev := in.held.first()
	op, buf = ev.op, ev.buf
	in.held.bytes -= len(buf.B)
	in.held.drop()
	return op, buf
}

// end ends a call of Receive.
func (in *receiving) end() { in.busy = false }

// waiting is how many wait.
func (in *receiving) waiting() int {
	if in.held == nil {
		return 0
	}
	return in.held.waiting()
}

// full tells whether the peer must not be read from.
func (in *receiving) full(most *limits) bool {
	return in.held != nil && (in.held.waiting() >= most.QueueMessages || in.held.bytes >= most.QueueBytes)
}

// half tells whether the peer may be read from again.
func (in *receiving) half(most *limits) bool {
	return in.held == nil || in.held.waiting() <= most.QueueMessages/2 && in.held.bytes <= most.QueueBytes/2
}

// release gives back the payload that the program is done with.
func (in *receiving) release() {
	if in.held != nil && in.held.last != nil {
		in.held.last.Release()
		in.held.last = nil
	}
}

// letGo gives back what holds messages if there are none. pop has cleared it.
func (in *receiving) letGo() {
	h := in.held
	if h == nil || h.waiting() > 0 || h.last != nil {
		return
	}
	if cap(h.items) > len(h.room) {
		clear(h.room[:]) // which became too short
	}
	h.items, h.head = nil, 0
	in.held = nil
	spareMessages.Put(h)
}

// await waits until it is woken, or returns without cause. mu is held, but not all the while. A WaitGroup can be used
// again and again here: only one call of Receive goes on at a time, and only that call adds to it.
func (c Incoming) await(in *receiving) {
	if c.loop.Scheduler != nil {
		c.loop.wait(&sync.Cond{L: &c.mu})
		return
	}
	in.waits = true
	in.woken.Add(1)
	c.mu.Unlock()
	in.woken.Wait()
	c.mu.Lock()
}

// wake has the call of Receive that waits look again.
func (in *receiving) wake() {
	if in.waits {
		in.waits = false
		in.woken.Done()
	}
}

// dropMessages gives back what waits.
func (in *receiving) dropMessages() {
	if in.held != nil {
		in.held.dropMessages()
	}
}

// disown leaves the buffers to the garbage collector: the program may never call Receive again.
func (in *receiving) disown() {
	if in.held == nil {
		return
	}
	for _, ev := range in.held.all() {
		if ev.buf != nil {
			ev.buf.Disown()
		}
	}
	if in.held.last != nil {
		in.held.last.Disown()
	}
}

// size is how many bytes of buffers it holds.
func (in *receiving) size() int {
	if in.held == nil {
		return 0
	}
	n := in.held.size()
	if in.held.last != nil {
		n += cap(in.held.last.B)
	}
	return n
}

// receiving is the connection's, made if there is none. mu is held.
func (c *link) receiving() *receiving {
	x := c.makeExtras()
	if x.receiving == nil {
		x.receiving = new(receiving)
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
		in.wake()
	}
}
