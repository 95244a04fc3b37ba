package session

import (
	"math"
	"time"
)

const (
	// maxFuncs is how many functions of Do and AfterFunc may wait for one connection.
	maxFuncs = 1024
	// funcLook is how far ahead the timer is set for them at most: then it is set again.
	funcLook = time.Hour
)

// Do has f run in the connection's own order: where its callbacks run, never at the same
// time as one of them, behind the callbacks for what has come already, and after the
// functions that were given to Do before. So what only callbacks and such functions touch
// needs no lock. Do may be called from any goroutine and does not wait. From a callback, or
// from such a function, f runs after that has returned; while a Stream callback runs, f
// waits until it has returned.
//
// When Do returns nil, f runs exactly once, and before the Close callback, whatever becomes
// of the connection meanwhile: it may be closing. Do fails with ErrClosed once the
// connection is closed, and with ErrTooManyFuncs while 1,024 functions wait, those of
// AfterFunc included. If f panics the connection closes, as with a callback.
func (c *Conn) Do(f func(*Conn)) error {
	c.mu.Lock()
	if c.State() == Closed {
		c.mu.Unlock()
		return ErrClosed
	}
	if c.funcs() >= maxFuncs {
		c.mu.Unlock()
		return ErrTooManyFuncs
	}
	c.queueFuncs(event{kind: eventDo, do: f})
	return nil
}

// AfterFunc is Do once d has passed, to within 50 ms and never earlier. What has arrived by
// then is handled first. It fails as Do does, and with ErrClosed on a connection that is
// closing. Functions whose time has not come when the connection begins to close are
// dropped, and do not run. A d of 0 or less: as soon as possible.
func (c *Conn) AfterFunc(d time.Duration, f func(*Conn)) (Timer, error) {
	now := c.loop.now()
	c.mu.Lock()
	defer c.unlockAndWake()
	if c.State() != Open {
		return Timer{}, ErrClosed
	}
	if c.funcs() >= maxFuncs {
		return Timer{}, ErrTooManyFuncs
	}
	x := c.makeExtras()
	if x.timers == nil {
		x.timers = new(timers)
	}
	t := x.timers
	t.last++
	due := now + max(d, 0)
	if due < now {
		due = math.MaxInt64
	}
	if t.add(timer{due, t.last, f}) {
		c.attend |= attendTimer
	}
	c.loop.afterFuncs.Add(1)
	return Timer{c, t.last}, nil
}

// Timer is a function of [Conn.AfterFunc] that waits. The zero value is none. Its methods
// may be called from any goroutine.
type Timer struct {
	c *Conn
	n uint64
}

// Stop keeps the function from running, and tells whether it has: not if it runs or has run,
// was stopped before, or was dropped because the connection closes. In a callback of the
// connection, true or false is certain: nothing can come in between.
func (t Timer) Stop() bool {
	c := t.c
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.extras != nil && c.extras.timers != nil {
		h := c.extras.timers
		for i := range h.heap {
			if h.heap[i].n == t.n {
				h.remove(i)
				c.loop.afterFuncs.Add(-1)
				return true
			}
		}
	}
	return c.in != nil && c.in.dropFunc(t.n)
}

// funcs is how many functions wait. mu is held.
func (c *Conn) funcs() (n int) {
	if c.in != nil {
		n = c.in.funcs
	}
	if c.extras != nil && c.extras.timers != nil {
		n += len(c.extras.timers.heap)
	}
	return n
}

// queueFuncs queues functions, unlocks mu, and makes the loop or the connection's goroutine run them. From
// any goroutine.
func (c *Conn) queueFuncs(evs ...event) {
	if c.in == nil {
		c.in = c.loop.lendInbox(c)
	}
	in := c.in
	for _, ev := range evs {
		in.push(ev)
		in.funcs++
	}
	start, wake := false, false
	switch {
	case c.queued(): // it is at work
	case c.flags.Load()&(flagGoroutines|flagAdaptive) == flagGoroutines:
		c.hold(flagQueued)
		start = true
	default:
		c.attend |= attendFuncs
		wake = c.wake()
	}
	c.mu.Unlock()
	if start {
		c.loop.spawn(in.work)
	}
	if wake {
		c.loop.host.Schedule(c)
	}
}

// funcsWait tells whether functions wait for the loop. mu is held.
func (c *Conn) funcsWait() bool { return c.in != nil && !c.queued() }

// now is the time, from any goroutine.
func (l *Loop) now() time.Duration {
	if l.Clock == nil {
		return l.Now
	}
	return l.Clock()
}

// AfterFuncs is how many functions of Conn.AfterFunc wait for their time. From any
// goroutine.
func (l *Loop) AfterFuncs() int { return int(l.afterFuncs.Load()) }
