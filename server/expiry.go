package server

import (
	"time"

	"github.com/framerail/framerail/internal/wheel"
)

// What a client may take until it is a connection ends at a tick, too, and may be looked at
// before that on the one timer it has.

// allow gives a client that is no connection yet so much time.
func (l *loop) allow(cl *client, d time.Duration) {
	cl.expires = wheel.Ticks(l.conns.Now + d)
	l.timers.Set(cl.driver().ID(), cl.expires)
}

// hasten leaves it so much of its time at most.
func (l *loop) hasten(cl *client, d time.Duration) {
	cl.expires = earlier(cl.expires, wheel.Ticks(l.conns.Now+d))
	l.timers.Hasten(cl.driver().ID(), cl.expires)
}

// isOver tells whether a client's time is over, or a connection's lifetime.
func (l *loop) isOver(cl *client) bool {
	return !wheel.Tick(l.conns.Now / wheel.Resolution).Before(cl.expires)
}

func earlier(a, b wheel.Tick) wheel.Tick {
	if b.Before(a) {
		return b
	}
	return a
}
