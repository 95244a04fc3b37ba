package conn

import (
	"time"

	"github.com/framerail/framerail/frame"
)

// Expire tells that the time asked for with Host.SetTimer has passed. A connection
// that asked for none takes no notice.
func (d *Driver) Expire() {
	switch {
	case d.endTimed:
		d.abort(Nobody, ErrCloseTimeout)
	case d.loop.config.IdleTimeout > 0:
		d.heartbeat()
	}
	d.settle()
}

// heartbeat pings a peer that has been silent for half the idle timeout, and ends
// the connection of one silent for all of it. One timer serves every connection
// and is set anew only when it fires: traffic merely notes the time.
func (d *Driver) heartbeat() {
	c := (*Conn)(d)
	idle := d.loop.config.IdleTimeout
	if d.holding() && d.held.Load()&^holdPending != 0 {
		d.hear() // it is this side that does not read
	}
	silent := time.Duration(d.millis()-d.heard) * time.Millisecond
	switch {
	case silent < idle/2:
		d.loop.host.SetTimer(d, idle/2-silent)
	case !d.pinged:
		d.pinged = true
		c.mu.Lock()
		_ = c.sendControl(frame.Ping, nil) // no room: the silence will tell
		c.mu.Unlock()
		// A loop that was kept from its work for long may come here too late even
		// to have asked: the peer has its half of the timeout nevertheless.
		left := idle - silent
		if left <= 0 {
			left = idle / 2
		}
		d.loop.host.SetTimer(d, left)
	case silent < idle:
		d.loop.host.SetTimer(d, idle-silent)
	default:
		d.giveUp()
	}
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
