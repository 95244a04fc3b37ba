package conn

import (
	"time"

	"github.com/framerail/framerail/frame"
)

// Expire tells that the time asked for with Host.SetTimer has passed.
func (d *Driver) Expire() {
	if d.endTimed {
		d.mu.Lock()
		(*Conn)(d).ending(Nobody, ErrCloseTimeout).abort = true
		d.mu.Unlock()
	} else {
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
	if d.holding() && d.held.Load()&holdPending == 0 {
		d.heard = d.millis() // it is this side that does not read
	}
	silent := time.Duration(d.millis()-d.heard) * time.Millisecond
	switch {
	case silent >= idle:
		d.giveUp()
		return
	case silent < idle/2:
		d.pinged = false
		d.loop.host.SetTimer(d, idle/2-silent)
		return
	case !d.pinged:
		d.pinged = true
		c.mu.Lock()
		_ = c.sendControl(frame.Ping, nil) // no room: the silence will tell
		c.mu.Unlock()
	}
	d.loop.host.SetTimer(d, idle-silent)
}

// giveUp ends the connection of a silent peer. It is told why, if it can still
// hear, but not waited for.
func (d *Driver) giveUp() {
	c := (*Conn)(d)
	c.failWith(frame.PolicyViolation, "idle timeout", ErrIdle)
	c.mu.Lock()
	c.flush()
	c.end.abort = true
	c.mu.Unlock()
}
