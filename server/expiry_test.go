package server

import (
	"math"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/session"
	"github.com/framerail/framerail/internal/wheel"
)

// A client's time is over when it is, and not before, however long it is and however long
// the process has lived; until then its timer is set again each year.
func TestExpiry_OfAnyLength(t *testing.T) {
	const day = 24 * time.Hour
	for _, began := range []time.Duration{0, 3 * day, 50 * day, 2500 * day, 36500 * day} {
		for _, d := range []time.Duration{0, time.Millisecond, time.Second, 25 * day, 50 * day, 400 * day, 1300 * day, 3650 * day, 60000 * day, math.MaxInt64} {
			for _, p := range []phase{phaseRequest, phaseCheck, phaseLeaving} {
				l := &loop{run: new(running), conns: &session.Loop{Now: began}}
				l.run.coarse = coarse{coarseFor(d), coarseFor(d)}
				l.rows = newRows(l)
				l.timers = wheel.New(wheel.Tick(began / wheel.Resolution))
				cl := &client{phase: p}
				l.clients.take(cl)
				l.allow(cl, d)
				end := began + min(d, math.MaxInt64-began)
				late := l.step(cl)
				if end > math.MaxInt64-2*late {
					end -= late // there is no time behind that
				}
				if late > wheel.Resolution && late > d>>28 {
					t.Errorf("%v is counted in steps of %v", d, late)
				}
				for turns := 0; ; turns++ {
					if turns > 300 {
						t.Fatalf("%v from %v on: still not over", d, began)
					}
					next := l.left(cl)
					if over := next <= 0; over {
						if now := l.conns.Now; now < end-late || now > end+late {
							t.Errorf("%v from %v on: over after %v", d, began, now-began)
						}
						break
					}
					l.conns.Now += min(next, wheel.Most, math.MaxInt64-l.conns.Now)
					fired := false
					l.timers.Advance(wheel.Tick(l.conns.Now/wheel.Resolution), math.MaxInt, func(int) { fired = true })
					if !fired {
						t.Fatalf("%v from %v on: no timer at %v", d, began, l.conns.Now)
					}
					l.setTimer(cl, l.left(cl))
					if l.conns.Now == math.MaxInt64 {
						break
					}
				}
			}
		}
	}
}
