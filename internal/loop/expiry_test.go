package loop

import (
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/session"
	"github.com/framerail/framerail/internal/test/allocs"
	"github.com/framerail/framerail/internal/wheel"
)

// unserved is a loop whose time is now, and which nobody serves, with an owner whose one
// phase may take that long.
func unserved(now, longest time.Duration) *Loop {
	l := &Loop{system: platform.Real{}, options: new(Options)}
	l.timers.init()
	l.timers.Wheel = wheel.New(wheel.Tick(now / wheel.Resolution))
	l.conns = session.NewLoop((*host)(l))
	l.conns.Now = now
	l.Register(nil, new(session.Config), []Row{1: stepRow{step: StepOf(longest)}})
	return l
}

// stepRow is a phase with a step and nothing else.
type stepRow struct {
	Row
	step time.Duration
}

func (r stepRow) Step(*Tenant) time.Duration { return r.step }

// seated is a tenant in that phase.
func seated(l *Loop) *Tenant {
	t := new(Tenant)
	l.Seat(t, 0, 1, &t.Socket, netip.AddrPort{})
	return t
}

// A client's time is over when it is, and not before, however long it is and however long
// the process has lived; until then its timer is set again each year.
func TestExpiry_OfAnyLength(t *testing.T) {
	const day = 24 * time.Hour
	for _, began := range []time.Duration{0, 3 * day, 50 * day, 2500 * day, 36500 * day} {
		for _, d := range []time.Duration{0, time.Millisecond, time.Second, 25 * day, 50 * day, 400 * day, 1300 * day, 3650 * day, 60000 * day, math.MaxInt64} {
			l := unserved(began, d)
			cl := seated(l)
			l.Allow(cl, d)
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
				next := l.Left(cl)
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
				l.SetTimer(cl, l.Left(cl))
				if l.conns.Now == math.MaxInt64 {
					break
				}
			}
		}
	}
}

// Those that came together leave one by one, and none outlives the limit.
func TestLifetime_HasJitter(t *testing.T) {
	l := unserved(time.Hour, time.Minute)
	ends := make(map[moment]bool)
	for range 1000 {
		cl := seated(l)
		l.beginLife(cl, 1000*time.Second)
		if left := l.Left(cl); left < 900*time.Second || left > 1000*time.Second {
			t.Errorf("ends after %v, want 900 to 1,000 s", left)
		}
		ends[cl.expires/20] = true
	}
	if len(ends) < 80 {
		t.Errorf("1000 lives end in %d different seconds of 100", len(ends))
	}
}

// Each timer that a connection can have is one of the wheel's, and setting it
// allocates nothing.
func TestTimers_SettingOneDoesNotAllocate(t *testing.T) {
	l := unserved(0, time.Minute)
	cl := seated(l)
	after := time.Duration(0)
	if n := allocs.PerRun(1000, func() {
		after += time.Millisecond
		(*host)(l).SetTimer(&cl.Conn, after)
		l.timers.Hasten(cl.ID(), wheel.Ticks(after/2))
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
