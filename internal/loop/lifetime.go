package loop

import (
	"time"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/session"
)

// A connection's lifetime is over at a moment. The connection has one timer on its loop's wheel for all
// that may fall due. So whenever the connection sets its timer, it is set for that moment at the latest.

// beginLife sets when a connection's lifetime is over: a random part of a tenth before
// the limit, so that connections that came together do not all come back at once.
func (l *Loop) beginLife(t *Tenant, most time.Duration) {
	if l.window > 0 {
		return // it ends within the window
	}
	span := Lifespan(l.system, most)
	if span <= 0 {
		return
	}
	t.expires = l.after(t, span)
	l.SetTimer(t, l.Left(t))
}

// Lifespan is the lifetime of a connection: most, less a random part of a tenth. 0 if most is 0 or
// less, for no limit.
func Lifespan(system platform.Platform, most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	return most - time.Duration(system.Uint64()%uint64(most/lifetimeJitter+1))
}

// hasLifetime reports whether the connection is to be closed when its lifetime is over. One that is about
// to end is not.
func (l *timing) hasLifetime(t *Tenant) bool {
	return t.IsOpen() && l.lifetime(t) > 0 && t.State() == session.Open && !t.Ending()
}

// checkLife closes a connection whose lifetime is over. Otherwise it sets the timer for that, since the
// connection itself may need none.
func (l *Loop) checkLife(t *Tenant) {
	if !l.hasLifetime(t) {
		return
	}
	if !l.IsOver(t) {
		l.SetTimer(t, l.Left(t))
		return
	}
	if l.window > 0 {
		sendAway(l, t)
		return
	}
	if t.Close(frame.GoingAway, LifetimeReason) == nil {
		l.owner(t).expired.Add(1)
	}
}

// LifetimeReason is the reason in the Close frame.
const LifetimeReason = "maximum lifetime"
