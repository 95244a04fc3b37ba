package session

import "sync"

// inbox queues the events of one connection for a goroutine, which runs while
// there are any. All fields are guarded by the connection's mu.
type inbox struct {
	conn *Conn
	work func() // (*inbox).run, bound once so that starting it does not allocate
	eventQueue
	funcs   int     // those of Do and AfterFunc that wait here, in the queue and in later
	later   []event // functions that wait for the end of a Stream callback
	drained bool    // an eventDrained is waiting: one tells as much as many
	parked  bool    // the connection's goroutine has it, and is for the loop to start
	more    sync.Cond
	readers int // goroutines that wait for more
}

// messages is how many of those waiting are no functions.
func (in *inbox) messages() int { return in.waiting() - (in.funcs - len(in.later)) }

func (in *inbox) push(ev event) {
	if ev.kind == eventDrained {
		if in.drained {
			return
		}
		in.drained = true
	}
	in.eventQueue.push(ev)
}

func (in *inbox) pop() event {
	ev := in.eventQueue.pop()
	if ev.kind == eventDrained {
		in.drained = false
	}
	return ev
}

// dropFunc has the function of a Timer, whose time has come, not run.
func (in *inbox) dropFunc(n uint64) bool {
	for _, evs := range [...][]event{in.later, in.all()} {
		for i := range evs {
			if ev := &evs[i]; ev.kind == eventDo && ev.timer == n && ev.do != nil {
				ev.do = nil
				return true
			}
		}
	}
	return false
}

// inbox is the connection's inbox, made if there is none; then a goroutine is to
// be started for it. mu is held.
func (c *Conn) inbox() (in *inbox, start bool) {
	if c.in == nil {
		c.in = c.loop.lendInbox(c)
	}
	start = !c.queued() // functions may wait in it for the loop
	c.hold(flagQueued)
	return c.in, start
}

// returnInbox gives back an inbox that is empty. mu is held.
func (c *Conn) returnInbox(in *inbox) {
	c.in = nil
	c.release(flagQueued)
	if in.readers == 0 { // one that is left will lock this connection's mu
		in.conn, in.more.L = nil, nil
		c.loop.inboxes.Put(in)
	}
}

// run is the connection's goroutine: it runs callbacks until none is waiting.
func (in *inbox) run() {
	c := in.conn
	returned, open := false, false
	defer func() {
		if !returned && !(open && c.openReturned()) {
			c.loop.spawn(in.work) // a callback ended this goroutine; what waits is for another
		}
	}()
	for {
		c.mu.Lock()
		var ev event
		var wake bool
		switch {
		case len(in.later) > 0:
			ev = in.nextLater()
		case in.waiting() > 0:
			ev, wake = in.next()
		default:
			c.returnInbox(in)
			c.mu.Unlock()
			returned = true
			return
		}
		if ev.kind == eventDo {
			in.funcs--
		}
		c.mu.Unlock()
		if wake {
			c.loop.host.Schedule(c)
		}
		open = ev.kind == eventOpen
		ev.runQueued(c)
		if open && c.openReturned() {
			returned = true // another goroutine has the inbox
			return
		}
	}
}

// next takes the event at the head, and lets the input flow again once the inbox
// is half empty. mu is held; wake is as for Conn.wake.
func (in *inbox) next() (ev event, wake bool) {
	ev = in.pop()
	c := in.conn
	most := c.limits()
	if c.flags.Load()&holdQueue != 0 && in.messages() <= most.QueueMessages/2 && in.bytes <= most.QueueBytes/2 {
		c.release(holdQueue)
		wake = c.wake()
	}
	return ev, wake
}

// nextLater takes the first of later. mu is held.
func (in *inbox) nextLater() event {
	ev := in.later[0]
	n := copy(in.later, in.later[1:])
	in.later[n] = event{}
	in.later = in.later[:n]
	return ev
}

// runQueued runs an event of the inbox and gives its payload back. Pieces are the
// reader's to give back.
func (ev event) runQueued(c *Conn) {
	if ev.buf != nil && ev.kind != eventPiece {
		defer ev.buf.Release()
	}
	ev.run(c)
}
