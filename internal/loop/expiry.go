package loop

import (
	"time"

	"github.com/framerail/framerail/internal/session"
	"github.com/framerail/framerail/internal/wheel"
)

// The time for a phase, and the lifetime of an open connection, end at a moment. The tenant
// may be looked at before that, on the one timer it has.

// moment is a time in steps. A step is wheel.Resolution, or a power of two times that if the limit of a
// tenant's phase is longer than a year and a half. A moment wraps. Two moments of one phase are
// compared by their difference.
type moment uint32

// StepOf is the length of a step for which that limit is less than a quarter of what a moment
// counts.
func StepOf(longest time.Duration) time.Duration {
	coarse := 0
	for longest/wheel.Resolution>>coarse >= 1<<30 {
		coarse++
	}
	return wheel.Resolution << coarse
}

// step is the length of a step for a tenant in its phase.
func (l *timing) step(t *Tenant) time.Duration {
	if t.IsOpen() { // which asks after each message
		return StepOf(l.lifetime(t))
	}
	return l.Row(t).Step(t)
}

// after is the moment at which d will have passed, or little later.
func (l *timing) after(t *Tenant, d time.Duration) moment {
	return l.momentIn(l.step(t), d)
}

// Left is how much of a tenant's time is left; 0 or less once it is over.
func (l *timing) Left(t *Tenant) time.Duration {
	step := l.step(t)
	steps := int32(uint32(t.expires) - uint32(l.conns.Now/step))
	return time.Duration(steps)*step - l.conns.Now%step
}

// IsOver reports whether a tenant's time is over: that for its phase, or its lifetime if it is open.
func (l *timing) IsOver(t *Tenant) bool { return l.Left(t) <= 0 }

// Early reports whether a timer has fired before the tenant's time is over. If so it sets the timer
// again.
func (l *timing) Early(t *Tenant) bool {
	if l.IsOver(t) {
		return false
	}
	l.SetTimer(t, l.Left(t))
	return true
}

// Allow gives a tenant that is not open so much time.
func (l *timing) Allow(t *Tenant, d time.Duration) {
	t.expires = l.after(t, d)
	l.SetTimer(t, l.Left(t))
}

// Hasten leaves a tenant that is not open so much of its time at most.
func (l *timing) Hasten(t *Tenant, d time.Duration) {
	if d < l.Left(t) {
		t.expires = l.after(t, d)
		l.HastenTimer(t, l.Left(t))
	}
}

// SetTimer sets a tenant's timer to fire after so much time.
func (l *timing) SetTimer(t *Tenant, after time.Duration) {
	l.timers.Set(t.ID(), wheel.After(l.conns.Now, after))
}

// HastenTimer makes a tenant's timer fire after so much time, unless it fires before that or is not set.
func (l *timing) HastenTimer(t *Tenant, after time.Duration) {
	l.timers.Hasten(t.ID(), wheel.After(l.conns.Now, after))
}

// timing is the time that a loop's tenants have. Owned by the loop.
type timing struct {
	timers
	owners
	conns *session.Loop // whose Now is the time

	// In a drain with a window: how long that is, and when it ends, by Now. Otherwise 0.
	window, windowEnds time.Duration
}

// timers are the wheel, and what has fired on it.
type timers struct {
	*wheel.Wheel
	note  func(id int) // bound once
	fired []int32      // the tenants whose timers have fired
	next  int          // of fired
}

func (ts *timers) init() {
	ts.Wheel = wheel.New(0)
	// What falls to a tenant may run callbacks, in the midst of which the wheel must not be.
	ts.note = func(id int) { ts.fired = append(ts.fired, int32(id)) }
}

// fire notes the tenants whose timers have fired by now.
func (ts *timers) fire(now time.Duration) {
	ts.Advance(wheel.Tick(now/wheel.Resolution), timersAtOnce, ts.note)
}

// due is when the next timer fires, as seen from now; false if there is none.
func (ts *timers) due(now time.Duration) (at time.Duration, ok bool) {
	next, ok := ts.Next()
	if !ok {
		return 0, false
	}
	// Ticks wrap; as seen from now they do not.
	tick := now.Truncate(wheel.Resolution)
	ahead := int32(next - wheel.Tick(tick/wheel.Resolution))
	return tick + time.Duration(ahead)*wheel.Resolution, true
}
