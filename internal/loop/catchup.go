package loop

import (
	"time"

	"github.com/framerail/framerail/internal/transport"
	"github.com/framerail/framerail/internal/wheel"
)

// A loop can be kept from its work: by a callback, or because the process was stopped or
// got no time. Then timers are due before it has read what came meanwhile. So whatever ends
// a tenant because its time is over reads once more before it does. That is not enough
// where what is missing takes others to come: a TLS handshake a round trip, a check its
// goroutine, a relayed transport its own. For these the loop's timers wait until it has
// caught up.

const (
	// awayMin is how long a loop must have been kept from its work to give that time
	// back.
	awayMin = 2 * wheel.Resolution
	// catchUpRest is how many times as long as it last caught up a loop does not do so
	// again: one that is always late ends tenants nevertheless.
	catchUpRest = 4
)

// catchUp is when a loop has caught up that was kept from its work, and when it may do so
// again.
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

// waitsForOthers tells whether a tenant's timer must wait until the loop has caught up, and
// then sets it for that.
func (l *Loop) waitsForOthers(t *Tenant) bool {
	if l.conns.Now >= l.clock.until {
		return false
	}
	if t.IsOpen() {
		if _, relayed := t.Below().(transport.Relayed); !relayed {
			return false
		}
	}
	l.SetTimer(t, l.clock.until-l.conns.Now)
	return true
}
