package loop

import (
	"time"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/session"
)

// A connection's lifetime is over at a moment. It has one timer on its loop's wheel, for all
// that may fall due: whatever the connection asks for, the timer is set for no later than
// that.

// beginLife sets when a connection's lifetime is over: a random part of a tenth before
// the limit, so that connections that came together do not all come back at once.
func (l *Loop) beginLife(t *Tenant, most time.Duration) {
	span := Lifespan(l.system, most)
	if span <= 0 {
		return
	}
	t.expires = l.after(t, span)
	l.SetTimer(t, l.Left(t))
}

// Lifespan is how long a connection lives that may do so for most; 0 or less: for ever.
func Lifespan(system platform.Platform, most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	return most - time.Duration(system.Uint64()%uint64(most/lifetimeJitter+1))
}

// hasLifetime tells whether the connection is one that a lifetime will end: not one that is
// about to end by itself.
func (t *Tenant) hasLifetime() bool {
	return t.IsOpen() && t.MaxLifetime() > 0 && t.State() == session.Open && !t.Ending()
}

// checkLife closes a connection whose lifetime is over, and otherwise sees that there
// is a timer for that, should the connection want none.
func (l *Loop) checkLife(t *Tenant) {
	if !t.hasLifetime() {
		return
	}
	if !l.IsOver(t) {
		l.SetTimer(t, l.Left(t))
		return
	}
	if t.Close(frame.GoingAway, LifetimeReason) == nil {
		l.counters.expired.Add(1)
	}
}

// LifetimeReason is the reason in the Close frame.
const LifetimeReason = "maximum lifetime"
