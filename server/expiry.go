package server

import (
	"math"
	"time"

	"github.com/framerail/framerail/internal/wheel"
)

// What a client may take until it is a connection, and a connection its lifetime, ends at a
// moment. The client may be looked at before that, on the one timer it has.

// moment is a time in steps of wheel.Resolution or, where the limit of a client's phase is
// longer than a year and a half, of 2 to some power of them. It wraps; two of one phase are
// compared by difference.
type moment uint32

// coarse is the powers for the phases of a client before its connection is open.
type coarse struct{ check, handshake uint8 }

// coarseFor is the power for which that limit is less than a quarter of what a moment counts.
func coarseFor(longest time.Duration) (coarse uint8) {
	for longest/wheel.Resolution>>coarse >= 1<<30 {
		coarse++
	}
	return coarse
}

// step is the length of a step for a client in its phase.
func (l *loop) step(cl *client) time.Duration {
	if cl.phase == phaseOpen { // which asks after each message
		return wheelStep(coarseFor(cl.driver().MaxLifetime()))
	}
	return l.row(cl).step(cl)
}

// wheelStep is the length of a step for a power.
func wheelStep(coarse uint8) time.Duration { return wheel.Resolution << coarse }

// after is the moment at which d will have passed, or little later.
func (l *loop) after(cl *client, d time.Duration) moment {
	step := l.step(cl)
	return moment((l.conns.Now + min(d, math.MaxInt64-l.conns.Now-step) + step - 1) / step)
}

// left is the time until a client's is over, 0 or less once it is.
func (l *loop) left(cl *client) time.Duration {
	step := l.step(cl)
	steps := int32(uint32(cl.expires) - uint32(l.conns.Now/step))
	return time.Duration(steps)*step - l.conns.Now%step
}

// isOver tells whether a client's time is over, or a connection's lifetime.
func (l *loop) isOver(cl *client) bool { return l.left(cl) <= 0 }

// allow gives a client that is no connection yet so much time.
func (l *loop) allow(cl *client, d time.Duration) {
	cl.expires = l.after(cl, d)
	l.setTimer(cl, l.left(cl))
}

// hasten leaves it so much of its time at most.
func (l *loop) hasten(cl *client, d time.Duration) {
	if d < l.left(cl) {
		cl.expires = l.after(cl, d)
		l.hastenTimer(cl, l.left(cl))
	}
}

// setTimer has a client looked at after so much time, or before.
func (l *loop) setTimer(cl *client, after time.Duration) {
	l.timers.Set(cl.driver().ID(), wheel.After(l.conns.Now, after))
}

// hastenTimer has it looked at no later than that.
func (l *loop) hastenTimer(cl *client, after time.Duration) {
	l.timers.Hasten(cl.driver().ID(), wheel.After(l.conns.Now, after))
}
