package server

import (
	"errors"
	"time"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/session"
)

// A connection's lifetime is over at a moment. It has one timer on its loop's wheel, for all
// that may fall due: whatever the connection asks for, the timer is set for no later than
// that.

// Limited implements session.Host.
func (l *loop) Limited(d *session.Driver) { l.beginLife(clientOf(&d.Conn), d.MaxLifetime()) }

// beginLife sets when a connection's lifetime is over: a random part of a tenth before
// the limit, so that clients that came together do not all come back at once.
func (l *loop) beginLife(cl *client, most time.Duration) {
	span := l.run.lifespan(most)
	if span <= 0 {
		return
	}
	cl.expires = l.after(cl, span)
	l.setTimer(cl, l.left(cl))
}

// lifespan is how long a connection lives that may do so for most; 0 or less: for ever.
func (r *running) lifespan(most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	return most - time.Duration(r.kernel.Uint64()%uint64(most/lifetimeJitter+1))
}

// mortal tells whether the connection is one that a lifetime will end: not one that is about
// to end by itself.
func (l *loop) mortal(cl *client) bool {
	return cl.phase == phaseOpen && cl.driver().MaxLifetime() > 0 && cl.State() == session.Open && !cl.driver().Ending()
}

// checkLife closes a connection whose lifetime is over, and otherwise sees that there
// is a timer for that, should the connection want none.
func (l *loop) checkLife(cl *client) {
	if !l.mortal(cl) {
		return
	}
	if !l.isOver(cl) {
		l.setTimer(cl, l.left(cl))
		return
	}
	if cl.Close(frame.GoingAway, lifetimeReason) == nil {
		l.tally.expired.Add(1)
	}
}

// lifetimeReason is the reason in the Close frame.
const lifetimeReason = "maximum lifetime"

// errLifetime is why the context of a Handler's request ends whose connection has lived for
// long enough.
var errLifetime = errors.New("framerail: " + lifetimeReason)
