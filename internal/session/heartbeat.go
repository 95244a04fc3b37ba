package session

import (
	"time"

	"github.com/framerail/framerail/frame"
)

// heartbeat pings a peer that has been silent for half the idle timeout, or has been sent
// nothing for the ping interval, and ends the connection of one silent for all of the idle
// timeout.
func (d *Driver) heartbeat() {
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
func (d *Driver) sendPing(ask bool) {
	c := &d.Conn
	d.sent = d.sentNow()
	c.mu.Lock()
	defer c.mu.Unlock()
	if ask || c.tx == nil || c.tx.pending() == 0 {
		d.interest |= pinged
		_ = c.sendControl(frame.Ping, nil) // no room: the silence will tell
	}
}

// lookAgain reads what has come of a peer that seems to be silent, and tells whether there
// is a sign of life or the connection is about to end for another reason. A loop that was
// kept from its work, by a callback or because the process was stopped, fires timers before
// it has read from all that are ready.
func (d *Driver) lookAgain() bool {
	c := &d.Conn
	before := d.heard
	d.corked.Store(true)
	d.flushAgain()
	d.read()
	return d.heard != before || d.Ending() || c.State() != Open
}

// nextBeat is the time until heartbeat has something to do.
func (d *Driver) nextBeat() (after time.Duration, ok bool) {
	due := d.limits().IdleTimeout
	if due <= 0 {
		return d.nextPing()
	}
	if d.interest&pinged == 0 {
		due /= 2
	}
	after = due - d.since(d.heard)
	if ping, ok := d.nextPing(); ok {
		after = min(after, ping)
	}
	return after, true
}

// When a connection was last sent something is noted in a byte, in steps of which the ping
// interval has some sixty to a hundred. What others than the loop have sent, directly, is
// not noted: then a ping more is sent.

// sentNow is the time for Driver.sent.
func (d *Driver) sentNow() uint8 {
	return uint8(d.loop.Now / time.Millisecond >> d.policy().pingShift)
}

// nextPing is the time until the peer has been sent nothing for the ping interval less a
// step, or two: the byte tells no more.
func (d *Driver) nextPing() (after time.Duration, ok bool) {
	p := d.policy()
	if p.config.PingInterval <= 0 {
		return 0, false
	}
	step := time.Millisecond << p.pingShift
	steps := int(p.pingSteps) - 1 - int(d.sentNow()-d.sent)
	return max(0, time.Duration(steps)*step-d.loop.Now%step), true
}

// giveUp ends the connection of a silent peer. It sends a Close frame, and does not wait for an answer. The
// code is 1001: a peer that lives, in a tunnel or on a network that it has left, should come back. Clients
// take 1008 for a ban. Some take 1011 for a lasting failure.
func (d *Driver) giveUp() {
	c := &d.Conn
	c.failWith(frame.GoingAway, "idle timeout", ErrIdle, false)
	c.mu.Lock()
	c.flush()
	c.mu.Unlock()
	d.abort(Local, ErrIdle)
}

// hear notes a sign of life of the peer's.
func (d *Driver) hear() {
	d.check()
	if d.Ending() {
		return // heard is when that began
	}
	d.hearAt(d.stamp())
	d.interest &^= pinged
}

// hearAt has the peer's silence begin at a moment.
func (d *Driver) hearAt(at uint32) {
	if d.messageDebt != 0 || d.controlDebt != 0 || d.workDebt != 0 {
		d.repay(uint64(at-d.heard) << d.limits().idleShift)
	}
	d.heard = at
}
