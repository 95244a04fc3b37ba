package session

import "github.com/framerail/framerail/frame"

// heartbeat pings a peer that has been silent for half the idle timeout, or has been sent
// nothing for the ping interval, and ends the connection of one silent for all of the idle
// timeout.
func (d *expiring) heartbeat() {
	if d.holding() && d.flags.Load()&(holdAny&^holdPending) != 0 {
		d.hear() // it is this side that does not read
	}
	idle, silent := d.limits().IdleTimeout, d.since(d.heard)
	asked := d.interest&pinged != 0
	if idle > 0 && asked && silent >= idle {
		if !d.lookAgain() {
			d.giveUp()
		}
		return
	}
	ask := idle > 0 && !asked && silent >= idle/2
	if after, ok := d.nextPing(); ask || ok && after <= 0 {
		d.sendPing(ask)
	}
	if ask {
		// A loop that was kept from its work asks late: the peer has its half of the
		// timeout nevertheless.
		d.hearAt(d.stamp() - stamp(idle/2, d.limits().idleShift))
	}
}

// sendPing sends a ping. Unless the peer is to answer it, frames that wait for its socket do as
// well.
func (d *expiring) sendPing(ask bool) {
	c := &d.Conn
	d.sent = d.sentNow()
	c.mu.Lock()
	defer c.mu.Unlock()
	if ask || c.tx == nil || c.tx.pending() == 0 {
		d.interest |= pinged
		_ = c.sendOwnPing() // no room: the silence will tell
	}
}

// lookAgain reads what has come of a peer that seems to be silent, and tells whether there
// is a sign of life or the connection is about to end for another reason. A loop that was
// kept from its work, by a callback or because the process was stopped, fires timers before
// it has read from all that are ready.
func (d *expiring) lookAgain() bool {
	c := &d.Conn
	before := d.heard
	d.corked.Store(true)
	d.flushAgain()
	d.read()
	return d.heard != before || d.Ending() || c.State() != Open
}

// giveUp ends the connection of a silent peer. It sends a Close frame, and does not wait for an answer. The
// code is 1001: a peer that lives, in a tunnel or on a network that it has left, should come back. Clients
// take 1008 for a ban. Some take 1011 for a lasting failure.
func (d *expiring) giveUp() {
	c := &d.Conn
	c.failWith(frame.GoingAway, "idle timeout", ErrIdle, false)
	c.mu.Lock()
	c.flush()
	c.mu.Unlock()
	d.abort(Local, ErrIdle)
}
