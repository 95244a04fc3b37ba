package conn

import (
	"time"

	"github.com/framerail/framerail/frame"
)

// heartbeat pings a peer that has been silent for half the idle timeout, and ends
// the connection of one silent for all of it.
func (d *Driver) heartbeat() {
	c := (*Conn)(d)
	idle := c.limits().IdleTimeout
	if idle <= 0 {
		return
	}
	if d.holding() && d.held.Load()&^holdPending != 0 {
		d.hear() // it is this side that does not read
	}
	silent := d.since(d.heard)
	if silent >= idle && d.pinged && d.lookAgain() {
		return
	}
	switch {
	case silent < idle/2:
	case !d.pinged:
		d.pinged = true
		c.mu.Lock()
		_ = c.sendControl(frame.Ping, nil) // no room: the silence will tell
		c.mu.Unlock()
		// A loop that was kept from its work asks late: the peer has its half of the
		// timeout nevertheless.
		d.hearAt(d.stamp() - stamp(idle/2, c.limits().idleShift))
	case silent >= idle:
		d.giveUp()
	}
}

// lookAgain reads what has come of a peer that seems to be silent, and tells whether there
// is a sign of life or the connection is about to end for another reason. A loop that was
// kept from its work, by a callback or because the process was stopped, fires timers before
// it has read from all that are ready.
func (d *Driver) lookAgain() bool {
	c := (*Conn)(d)
	before := d.heard
	d.corked.Store(true)
	d.flushAgain()
	d.read()
	return d.heard != before || d.Ending() || c.State() != Open
}

// nextBeat is the time until heartbeat has something to do.
func (d *Driver) nextBeat() (after time.Duration, ok bool) {
	due := (*Conn)(d).limits().IdleTimeout
	if due <= 0 {
		return 0, false
	}
	if !d.pinged {
		due /= 2
	}
	return due - d.since(d.heard), true
}

// giveUp ends the connection of a silent peer. It is told why, if it can still
// hear, but not waited for.
func (d *Driver) giveUp() {
	c := (*Conn)(d)
	c.failWith(frame.PolicyViolation, "idle timeout", ErrIdle, false)
	c.mu.Lock()
	c.flush()
	c.mu.Unlock()
	d.abort(Local, ErrIdle)
}

// hear notes a sign of life of the peer's.
func (d *Driver) hear() {
	if d.Ending() {
		return // heard is when that began
	}
	d.hearAt(d.stamp())
	d.pinged = false
}

// hearAt has the peer's silence begin at a moment.
func (d *Driver) hearAt(at uint32) {
	if d.messageDebt != 0 || d.controlDebt != 0 || d.workDebt != 0 {
		d.repay(uint64(at-d.heard) << (*Conn)(d).limits().idleShift)
	}
	d.heard = at
}
