package server

import (
	"time"

	"github.com/framerail/framerail/internal/wheel"
)

// A loop can be kept from its work: by a callback, or because the process was stopped or
// got no time. Then timers are due before it has read what came meanwhile. So whatever ends
// a client because its time is over reads once more before it does. That is not enough
// where what is missing takes others to come: a TLS handshake a round trip, a check its
// goroutine, a bridge its own. For these the loop's timers wait until it has caught up.

const (
	// awayMin is how long a loop must have been kept from its work to give that time
	// back.
	awayMin = 2 * wheel.Resolution
	// catchUpRest is how many times as long as it last caught up a loop does not do so
	// again: one that is always late ends clients nevertheless.
	catchUpRest = 4
)

// away notes that the loop was kept from its work for so long, until now.
func (l *loop) away(d time.Duration) {
	if d < awayMin || l.conns.Now < l.mayCatchUp {
		return
	}
	d = min(d, l.run.handshakeTimeout)
	l.caughtUp = l.conns.Now + d
	l.mayCatchUp = l.caughtUp + catchUpRest*d
}

// awoke notes what there is to note when the loop has waited, having worked for so long
// before: it may have been kept from waking up, and for all that it knows since it began to
// wait.
func (l *loop) awoke(worked time.Duration) {
	if l.conns.Now-l.wakes >= awayMin {
		worked += l.conns.Now - l.waits
	}
	l.away(worked)
}

// waitsForOthers tells whether a client's timer must wait until the loop has caught up, and
// then sets it for that.
func (l *loop) waitsForOthers(cl *client) bool {
	if l.conns.Now >= l.caughtUp {
		return false
	}
	if cl.phase == phaseOpen {
		if _, bridged := cl.below().(*bridge); !bridged {
			return false
		}
	}
	l.setTimer(cl, l.caughtUp-l.conns.Now)
	return true
}
