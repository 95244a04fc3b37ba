package session

import (
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/buffer"
)

// calling is the lowest part of a connection that belongs to its loop: it has callbacks called
// for what arrives, on the loop or through the inbox, and functions that wait for the loop.
type calling struct{ Conn }

// deliver runs an event's callback on the loop, or queues it behind those that
// wait. Called on the loop.
func (d *calling) deliver(ev event) {
	if d.inline() {
		ev.run(&d.Conn)
		return
	}
	d.post(ev)
}

// deliverControl delivers a ping or pong; queued, its payload is copied. Otherwise it is
// the parser, which calls it, that contains the callback.
func (d *calling) deliverControl(kind eventKind, payload []byte) {
	if d.State() != Open {
		return // it would be dropped, and until then wait in a queue that nothing holds any more
	}
	if d.inline() {
		event{kind: kind, raw: payload}.call(&d.Conn)
		buffer.Poison(payload)
		return
	}
	d.post(event{kind: kind, buf: copyOf(&d.loop.pool, payload)})
}

// post queues an event and starts the goroutine if none is at work. From the loop.
func (d *calling) post(ev event) {
	d.mu.Lock()
	in, start := d.inbox()
	in.push(ev)
	d.posted(in, start)
}

// postPiece queues a piece of a message for a Stream callback. A piece that
// follows one still waiting joins it, so that a message that drips in byte by
// byte takes no more memory than one that comes at once.
func (d *calling) postPiece(ev frame.Event) {
	d.mu.Lock()
	in, start := d.inbox()
	if n := len(in.items); !ev.First && in.waiting() > 0 && in.items[n-1].joins(len(ev.Payload)) {
		tail := &in.items[n-1]
		tail.buf.B = append(tail.buf.B, ev.Payload...)
		tail.last = ev.Last
		in.bytes += len(ev.Payload)
	} else {
		in.push(event{
			kind: eventPiece, first: ev.First, last: ev.Last, op: ev.Opcode,
			buf: copyOf(&d.loop.pool, ev.Payload),
		})
	}
	d.posted(in, start)
}

// posted stops the input if the inbox is full now, unlocks mu, and starts the connection's goroutine if
// needed.
func (d *calling) posted(in *inbox, start bool) {
	most := d.limits()
	if in.messages() >= most.QueueMessages || in.bytes >= most.QueueBytes {
		d.hold(holdQueue)
	}
	in.more.Signal()
	d.mu.Unlock()
	if start {
		d.loop.spawn(in.work)
	}
}

// runFuncs runs the functions that wait for the loop now; those that come meanwhile wait for
// its next turn. Then it starts the connection's goroutine, if the inbox is parked.
func (d *calling) runFuncs() {
	c := &d.Conn
	if c.flags.Load()&flagAdaptive != 0 {
		d.startFuncs()
		return
	}
	d.corked.Store(true)
	c.mu.Lock()
	n := 0
	if c.in != nil {
		n = c.in.waiting()
	}
	for ; n > 0 && c.funcsWait(); n-- { // or a goroutine has taken over
		ev := c.in.pop()
		c.in.funcs--
		c.mu.Unlock()
		ev.run(c)
		c.mu.Lock()
	}
	if c.funcsWait() && c.in.waiting() == 0 {
		c.returnInbox(c.in)
	}
	if !c.funcsWait() {
		c.attend &^= attendFuncs
	}
	in := c.in
	start := in != nil && in.parked
	if start {
		in.parked = false
	}
	c.mu.Unlock()
	if start {
		c.loop.spawn(in.work)
	}
}

// startFuncs has a goroutine run them, if callbacks run on goroutines. From the loop, because a
// Message callback of the connection may be running there.
func (d *calling) startFuncs() {
	c := &d.Conn
	c.mu.Lock()
	c.attend &^= attendFuncs
	in := c.in
	start := c.funcsWait()
	if start {
		c.hold(flagQueued)
	}
	c.mu.Unlock()
	if start {
		c.loop.spawn(in.work)
	}
}

// lastFuncs runs the functions that wait when the connection has closed: all of them, even if
// one ends the goroutine.
func (d *calling) lastFuncs() {
	c := &d.Conn
	defer func() {
		c.mu.Lock()
		left := c.funcsWait()
		c.mu.Unlock()
		if left {
			d.lastFuncs()
		}
	}()
	d.runFuncs()
}
