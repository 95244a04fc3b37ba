package loop

import (
	"time"

	"github.com/framerail/framerail/internal/wheel"
)

// A loop can be kept from its work by a callback, or because the process was stopped or got no time.
// Then timers are due before the loop has read what came meanwhile. So code that ends a tenant for
// its time reads once more before. That is not enough if the missing bytes need others: a TLS
// handshake needs a round trip, a check its goroutine, a relayed transport its own. For these the
// loop's timers wait until it has caught up.

const (
	// awayMin is how long a loop must have been kept from its work to give that time
	// back.
	awayMin = 2 * wheel.Resolution
	// catchUpRest is how many times as long as it last caught up a loop waits before it does so
	// again. So a loop that is always late ends tenants nevertheless.
	catchUpRest = 4
)

// catchUp has the time at which a late loop has caught up, and the time from which it may do so again.
type catchUp struct {
	until, next time.Duration
	most        time.Duration
}

// away notes that the loop was kept from its work for so long, until now.
func (c *catchUp) away(now, d time.Duration) {
	if d < awayMin || now < c.next {
		return
	}
	d = min(d, c.most)
	c.until = now + d
	c.next = c.until + catchUpRest*d
}

// waitsForOthers reports whether a tenant's timer must wait until the loop has caught up. If so it sets
// the timer for then.
func (l *Loop) waitsForOthers(t *Tenant) bool {
	if l.conns.Now >= l.clock.until {
		return false
	}
	if t.IsOpen() && !t.Socket.Relayed() {
		return false
	}
	l.SetTimer(t, l.clock.until-l.conns.Now)
	return true
}
