package session

import (
	stdcontext "context" // the package has a type of that name
	"fmt"
	"log/slog"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/stacktrace"
)

// event is a call of a callback. It runs at once on the loop, or waits in an inbox for the connection's
// goroutine.
type event struct {
	kind  eventKind
	first bool // of a piece
	last  bool
	op    frame.Opcode   // of a message or a piece
	buf   *buffer.Buffer // the payload, owned by the event; nil on the loop
	raw   []byte         // the payload of a control frame on the loop
	err   error          // of eventEnd, without a Close frame, of eventFail and of eventCut
	do    func(*Conn)    // of eventDo; nil once it was stopped
	timer uint64         // of eventDo, if it is AfterFunc's
}

const (
	eventOpen    eventKind = iota
	eventMessage           // a whole message
	eventPiece             // a piece of a message for a Stream callback
	eventCut               // the message in pieces will not be finished
	eventPing
	eventPong
	eventDrained
	eventDo    // a function of the program's
	eventFail  // the peer sent what it may not
	eventEnd   // the peer's Close frame, or the end of its stream
	eventClose // the last one
)

type eventKind uint8

func (ev *event) payload() []byte {
	if ev.buf != nil {
		return ev.buf.B
	}
	return ev.raw
}

// joins tells whether n more bytes of the same message fit behind this event's.
func (ev *event) joins(n int) bool {
	return ev.kind == eventPiece && !ev.last && cap(ev.buf.B)-len(ev.buf.B) >= n
}

// run calls the callback an event is for, on whichever goroutine, and contains it.
func (ev event) run(c *Conn) {
	switch ev.kind {
	case eventOpen:
		defer c.endOpen()
	case eventClose:
		if c.closeWaits() {
			return
		}
		defer c.loop.host.Ended(c)
	}
	returned := false
	defer func() {
		if !returned {
			c.contain(recover())
		}
	}()
	ev.call(c)
	returned = true
}

// call calls it, and does not contain it.
func (ev event) call(c *Conn) {
	h := &c.terms.Load().Handlers
	switch ev.kind {
	case eventOpen:
		if open := c.opener(h); open != nil {
			open(c)
		}
	case eventMessage:
		if c.dropping() {
			return
		}
		if h.Message != nil {
			h.Message(c, Message{Type: ev.op, Payload: ev.payload()})
		} else if h.Stream != nil {
			ev.stream(c, h)
		}
	case eventPiece:
		if !ev.first || c.dropping() {
			ev.buf.Release() // of a message whose callback has returned
			return
		}
		ev.stream(c, h)
	case eventPing:
		if h.Ping == nil {
			c.answerPing(ev.payload()) // it was taken back while this one waited
		} else if !c.dropping() {
			h.Ping(c, ev.payload())
		}
	case eventPong:
		if h.Pong != nil && !c.dropping() {
			h.Pong(c, ev.payload())
		}
	case eventDrained:
		if h.Drained != nil && c.State() == Open {
			h.Drained(c)
		}
	case eventDo:
		if ev.do != nil {
			ev.do(c)
		}
	case eventFail:
		c.failFor(ev.err)
	case eventEnd:
		c.peerEnded(ev.err)
	case eventClose:
		if h.Close != nil {
			h.Close(c, c.closeInfo())
		}
	}
}

// opener is the connection's Open callback; nil for none.
func (c *Conn) opener(h *Handlers) func(*Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.extras != nil && c.extras.opening != nil && c.extras.opening.callback != nil {
		return c.extras.opening.callback
	}
	return h.Open
}

// endOpen calls opened when the Open callback has returned, unless a call of Receive has done so.
func (c *Conn) endOpen() {
	c.mu.Lock()
	ours := c.extras.claimOpening()
	c.mu.Unlock()
	if ours {
		c.opened()
	}
}

// opened ends the Open callback: what it asked for is kept, the input flows.
// Call it only if claimOpening has returned true.
func (c *Conn) opened() {
	c.loop.host.Opened(c)
	c.mu.Lock()
	lent := c.extras
	c.extras = lent.kept()
	*lent.opening, *lent = opening{}, extras{} // the loop's own are the next connection's
	wake := false
	if c.flags.Load()&holdOpen != 0 {
		c.release(holdOpen)
		wake = c.wake()
	}
	c.mu.Unlock()
	if wake {
		c.loop.host.Schedule(c)
	}
}

// contain handles a callback that did not return: it panicked with r or, if that
// is nil, called runtime.Goexit, as testing's FailNow does. The connection closes
// with 1011; the process, the loop and everyone else go on.
func (c *Conn) contain(r any) error {
	err := fmt.Errorf("%w: %v", ErrPanic, r)
	if r == nil {
		r, err = "runtime.Goexit", errGoexit
		c.corked.Store(false) // the loop may no longer flush for it
	}
	c.policy().count(rarePanic, 1)
	// To take the stack costs far more than all the rest.
	if log := c.config().Logger; log.Enabled(stdcontext.Background(), slog.LevelError) {
		log.Error("framerail: a callback panicked", "remote", c.RemoteAddr(), "panic", r, "stack", stacktrace.Panic())
	}
	c.failWith(frame.InternalError, "", err, true)
	return err
}
