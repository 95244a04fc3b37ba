package session

import (
	stdcontext "context" // the package has a type of that name
	"errors"

	"github.com/framerail/framerail/frame"
)

// ErrEnded is the error of Receive on a connection that is closed. CloseInfo says why.
var ErrEnded = errors.New("framerail: the connection has ended")

// Incoming is a connection as a program sees it that reads its messages instead of being called. Its
// methods may be called from any goroutine.
type Incoming struct{ *Conn }

// Ask has messages wait for Receive. On a server it must first be called before the Open callback
// has returned, since messages without a callback are dropped. It fails on a connection with a
// callback for messages.
func (c Incoming) Ask() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ask()
}

// ask is Ask. mu is held.
func (c Incoming) ask() error {
	if h := &c.terms.Load().Handlers; h.Message != nil || h.Stream != nil {
		return errCallback
	}
	if c.flags.Load()&flagReads != 0 {
		return nil
	}
	if c.role() == frame.Server && (c.extras == nil || c.extras.opening == nil) {
		return errLate
	}
	c.receiving()
	c.hold(flagReads)
	return nil
}

// Receive returns the next message, and waits for it. The payload is valid until the next call. At
// the end of the connection the error is ErrEnded. When ctx is done its error is returned, and the
// connection goes on. It fails with ErrOnLoop where it would wait on an event loop.
func (c Incoming) Receive(ctx stdcontext.Context) (Message, error) {
	m, err := c.receive(ctx, ctx.Done() == nil)
	if err == errUnwatched {
		return c.receiveWatching(ctx)
	}
	return m, err
}

// receiveWatching is Receive that may have to wait for a ctx that can be done.
func (c Incoming) receiveWatching(ctx stdcontext.Context) (Message, error) {
	defer c.WatchFor(ctx)()
	return c.receive(ctx, true)
}

// WatchFor has ReceiveWatched return when ctx is done, until stop is called.
func (c Incoming) WatchFor(ctx stdcontext.Context) (stop func() bool) {
	if ctx.Done() == nil {
		return func() bool { return true }
	}
	return stdcontext.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.wakeReceiver()
	})
}

// ReceiveWatched is Receive with a ctx that WatchFor was called with.
func (c Incoming) ReceiveWatched(ctx stdcontext.Context) (Message, error) {
	return c.receive(ctx, true)
}

// receive is Receive. It fails with errUnwatched if it would have to wait, and ctx can be done but is not
// watched.
//
// A goroutine that reads waits in here most of the time. Go gives it a stack of 2 KiB at first. So that this is
// enough, the frames on the way to where it waits are small, and what is done elsewhere is not inlined.
func (c Incoming) receive(ctx stdcontext.Context, watched bool) (Message, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	in, err := c.begin()
	if err != nil {
		return Message{}, err
	}
	defer in.end()
	for first := true; ; first = false {
		m, ok, err := c.take(ctx, in)
		switch {
		case ok || err != nil:
			return m, err
		case first && !watched:
			return Message{}, errUnwatched
		case first && RunsOnLoop():
			return Message{}, ErrOnLoop
		}
		in.letGo()
		c.await(in)
	}
}

// errUnwatched is for Receive alone.
var errUnwatched = errors.New("framerail: the context is not watched")

// begin begins a call of Receive, which ends with end. mu is held, but not all the while.
//
//go:noinline
func (c Incoming) begin() (*receiving, error) {
	if err := c.ask(); err != nil {
		return nil, err
	}
	c.leaveOpen()
	in := c.receiving()
	if in.busy {
		return nil, errTwo
	}
	in.busy = true
	in.release()
	return in, nil
}

// take takes the next message. If none waits it returns false, or the reason why none will come. mu is held,
// but not all the while.
//
//go:noinline
func (c Incoming) take(ctx stdcontext.Context, in *receiving) (m Message, ok bool, err error) {
	for !ok {
		switch err := ctx.Err(); {
		case err != nil:
			return Message{}, false, err
		case !c.reads():
			return Message{}, false, errCallback // it was set meanwhile
		case in.waiting() > 0:
			m, ok = c.next(in)
		case c.State() == Closed:
			return Message{}, false, ErrEnded
		default:
			return Message{}, false, nil
		}
	}
	return m, true, nil
}

// next takes the next of those that wait: a message, or an event that it runs. It lets the
// input flow again once half is left. mu is held, but not all the while.
func (c Incoming) next(in *receiving) (m Message, ok bool) {
	if in.held.first().kind != eventMessage {
		c.runNext(in)
		return Message{}, false
	}
	op, buf := in.popMessage()
	wake := c.flowAgain(in)
	if c.end != nil && c.end.drop {
		buf.Release()
	} else {
		in.held.last = buf
		m, ok = Message{Type: op, Payload: buf.B}, true
	}
	if wake {
		c.mu.Unlock()
		c.loop.host.Schedule(c.Conn)
		c.mu.Lock()
	}
	return m, ok
}

// runNext runs the next of those that wait, which is no message. It is not inlined because an event is large.
//
//go:noinline
func (c Incoming) runNext(in *receiving) {
	ev := in.pop()
	wake := c.flowAgain(in)
	c.mu.Unlock()
	ev.run(c.Conn)
	if wake {
		c.loop.host.Schedule(c.Conn)
	}
	c.mu.Lock()
}

// flowAgain lets the input flow if half of what may wait is left. wake is as for Conn.wake. mu is held.
func (c Incoming) flowAgain(in *receiving) (wake bool) {
	if c.flags.Load()&holdReceive == 0 || !in.half(c.limits()) {
		return false
	}
	c.release(holdReceive)
	return c.wake()
}

// leaveOpen has other callbacks run beside the Open callback, from its first Receive on, and the
// input flow. The Close callback still waits until it has returned. mu is held, but not all the
// while.
func (c Incoming) leaveOpen() {
	if c.flags.Load()&flagGoroutines == 0 || !c.extras.claimOpening() {
		return
	}
	c.receiving().opening = true
	work := c.in.work // the Open callback's: run leaves it to the new goroutine
	c.mu.Unlock()
	c.opened()
	c.loop.spawn(work)
	c.mu.Lock()
}

// openReturned tells whether the Open callback that has returned had left the inbox to another
// goroutine. Then it runs the Close callback, if that waits.
func (c *Conn) openReturned() bool {
	c.mu.Lock()
	in := c.received()
	if in == nil || !in.opening {
		c.mu.Unlock()
		return false
	}
	closes := in.closes
	in.opening, in.closes = false, false
	c.mu.Unlock()
	if closes {
		event{kind: eventClose}.run(c)
	}
	return true
}

// closeWaits tells whether the Close callback runs later, since the Open callback goes on.
func (c *Conn) closeWaits() bool {
	if c.flags.Load()&(flagReads|flagGoroutines) != flagReads|flagGoroutines {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	in := c.received()
	if in == nil || !in.opening {
		return false
	}
	in.closes = true
	return true
}

// callBack sets a callback in place of Receive, and gives it what waits. What comes next then finds the
// inbox in use before it finds the callback, so that nothing overtakes what waits. Where callbacks run
// on the loop, one may be running, so the loop starts the connection's goroutine behind it.
func (c Incoming) callBack(change func(*Handlers)) {
	var box *inbox
	start, wake := false, false
	c.mu.Lock()
	if in := c.received(); in != nil && in.waiting() > 0 && c.State() != Closed {
		box, start = c.inbox()
		for in.waiting() > 0 {
			box.push(in.pop())
		}
		in.letGo()
		if c.flags.Load()&holdReceive != 0 {
			c.release(holdReceive)
			c.hold(holdQueue)
		}
		if start && c.flags.Load()&flagGoroutines == 0 {
			box.parked, start = true, false
			c.attend |= attendFuncs
			wake = c.wake()
		}
	}
	c.terms.Store(c.terms.Load().with(change))
	c.wakeReceiver()
	c.mu.Unlock()
	if start {
		c.loop.spawn(box.work)
	}
	if wake {
		c.loop.host.Schedule(c.Conn)
	}
}

// OnMessage sets this connection's Message callback in place of the server's. Like
// the other OnXxx methods it is called from Open or a later callback, so that no
// message comes before it; it may be called from any goroutine. Messages that wait for
// Receive go to it.
func (c *Conn) OnMessage(f func(*Conn, Message)) {
	set := func(h *Handlers) { h.Message = f }
	if f == nil {
		c.handle(set)
		return
	}
	Incoming{c}.callBack(set)
}

// OnStream sets this connection's Stream callback in place of the server's, for the
// messages that begin from then on. It runs on a goroutine; the connection's other
// callbacks wait for it, and run where [Config].Dispatch says when there is none. Messages
// that wait for Receive go to it.
func (c *Conn) OnStream(f func(*Conn, *Reader)) {
	set := func(h *Handlers) { h.Stream = f }
	if f == nil {
		c.handle(set)
		return
	}
	Incoming{c}.callBack(set)
}

// AutoAnswer has each text message that is request answered with the text answer, on the loop and
// without the program. An empty request ends that. A Stream callback gets all messages. It fails, and changes
// nothing, if the answer is not UTF-8.
func (c Incoming) AutoAnswer(request, answer string) error {
	a := AutoAnswer{request, answer}
	if err := a.validate(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	own := *c.terms.Load()
	own.answer = a.orNil()
	c.terms.Store(&own)
	return nil
}
