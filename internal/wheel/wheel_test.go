package wheel

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/test/allocs"
)

func TestTicksRoundUp(t *testing.T) {
	for d, want := range map[time.Duration]Tick{
		0: 0, 1: 1, Resolution: 1, Resolution + 1: 2, time.Second: 20,
	} {
		if got := Ticks(d); got != want {
			t.Errorf("Ticks(%v) = %d, want %d", d, got, want)
		}
	}
}

// oracle is the plain version: a map from timer to tick.
type oracle map[int]Tick

// TestAgainstMap drives the wheel and a map with the same random steps, across
// the wrap of the tick, and holds each firing against the map.
func TestAgainstMap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	now := Tick(0xFFFFFFFF - 5000)
	w, want := New(now), oracle{}
	for range 200_000 {
		id := r.IntN(2000)
		switch r.IntN(4) {
		case 0, 1:
			at := now + 1 + Tick(r.IntN(3*spokes))
			w.Set(id, at)
			want[id] = at
		case 2:
			w.Clear(id)
			delete(want, id)
		case 3:
			checkNext(t, w, want, now)
			now += Tick(r.IntN(20))
			if r.IntN(50) == 0 {
				now += Tick(r.IntN(2 * spokes))
			}
			w.Advance(now, math.MaxInt, func(id int) {
				at, armed := want[id]
				if !armed || now.Before(at) {
					t.Fatalf("timer %d fired at %d, is set for %d (%v)", id, now, at, armed)
				}
				delete(want, id)
			})
			for id, at := range want {
				if !now.Before(at) {
					t.Fatalf("timer %d for %d has not fired at %d", id, at, now)
				}
			}
		}
		if w.Armed() != len(want) {
			t.Fatalf("%d armed, want %d", w.Armed(), len(want))
		}
	}
}

func checkNext(t *testing.T, w *Wheel, want oracle, now Tick) {
	next, ok := w.Next()
	if ok != (len(want) > 0) {
		t.Fatalf("Next says %v with %d timers", ok, len(want))
	}
	for id, at := range want {
		if at.Before(next) {
			t.Fatalf("Next is %d, timer %d is due at %d", next, id, at)
		}
	}
	if ok && !now.Before(next) {
		t.Fatalf("Next is %d at %d", next, now)
	}
}

func TestFireMayRearmAndClear(t *testing.T) {
	w := New(0)
	var fired []int
	for id := range 4 {
		w.Set(id, 10)
	}
	w.Advance(10, math.MaxInt, func(id int) {
		fired = append(fired, id)
		w.Clear((id + 3) % 4)
		w.Set(id, 10) // passed: at the next Advance, not in this one
	})
	if len(fired) != 2 {
		t.Errorf("fired %v: each firing cleared one other", fired)
	}
	if next, ok := w.Next(); !ok || next != 11 {
		t.Errorf("Next = %d, %v", next, ok)
	}
}

// A wheel whose owner sleeps until Next, as a loop does, fires each timer within one
// tick of its time and never before, on a simulated clock and across the wrap of
// the tick.
func TestFiresWithinOneTick(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	now := (1<<32 - 20_000) * Resolution
	w := New(Tick(now / Resolution))
	due := make(map[int]time.Duration)
	set := func(id int) {
		after := time.Duration(r.Int64N(int64(time.Minute)))
		if r.IntN(10) == 0 {
			after = time.Duration(r.Int64N(int64(time.Hour))) // many turns away
		}
		due[id] = now + after
		w.Set(id, Ticks(due[id]))
	}
	for id := range 500 {
		set(id)
	}
	end := now + 2*20_000*Resolution
	fired := 0
	for now < end {
		next, ok := w.Next()
		if !ok {
			t.Fatal("nothing is armed")
		}
		tick := now.Truncate(Resolution)
		now = tick + time.Duration(int32(next-Tick(tick/Resolution)))*Resolution
		w.Advance(Tick(now/Resolution), math.MaxInt, func(id int) {
			fired++
			if late := now - due[id]; late < 0 || late >= Resolution {
				t.Fatalf("timer %d fired %v after its time", id, late)
			}
			now += time.Duration(r.Int64N(1000)) // somewhat into the tick
			if r.IntN(20) == 0 {
				id = r.IntN(500) // in place of its setting
			}
			set(id)
		})
		for id, at := range due {
			if now-at >= Resolution && at != 0 {
				if armed := w.timer(id).prev != off; armed {
					t.Fatalf("timer %d is armed %v after its time", id, now-at)
				}
			}
		}
	}
	if fired < 4_000 {
		t.Errorf("only %d fired", fired)
	}
}

// An Advance that fires no more than it may takes up where it stopped, whatever is set
// and cleared in between, and fires each timer once.
func TestAdvanceFiresNoMoreThanItMay(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	now := Tick(0xFFFFFFFF - 20_000)
	w, want := New(now), oracle{}
	for range 20_000 {
		for range r.IntN(8) {
			id := r.IntN(300)
			if r.IntN(3) == 0 {
				w.Clear(id)
				delete(want, id)
				continue
			}
			at := now + 1 + Tick(r.IntN(30))
			if r.IntN(4) == 0 {
				at += spokes
			}
			w.Set(id, at)
			want[id] = at
		}
		if r.IntN(3) == 0 {
			now += Tick(r.IntN(10))
		}
		if r.IntN(500) == 0 {
			now += Tick(2 * r.IntN(spokes))
		}
		most := r.IntN(4)
		n := 0
		all := w.Advance(now, most, func(id int) {
			n++
			if at, armed := want[id]; !armed || now.Before(at) {
				t.Fatalf("timer %d fired at %d, is set for %d (%v)", id, now, at, armed)
			}
			delete(want, id)
		})
		if n > most || !all && n < most {
			t.Fatalf("fired %d of at most %d, all: %v", n, most, all)
		}
		left := 0
		for _, at := range want {
			if !now.Before(at) {
				left++
			}
		}
		if all != (left == 0) {
			t.Fatalf("%d are due, and Advance says %v", left, all)
		}
		if next, ok := w.Next(); !all && (!ok || now.Before(next)) {
			t.Fatalf("%d are due at %d, and Next says %d, %v", left, now, next, ok)
		}
	}
}

// Hasten and SetBy differ in what they do with a timer that is not armed.
func TestHastenAndSetBy(t *testing.T) {
	for _, test := range []struct {
		name                   string
		set, to, hastened, due Tick // 0: not armed
	}{
		{"later_stays", 10, 20, 10, 10},
		{"sooner", 10, 5, 5, 5},
		{"not_armed", 0, 5, 0, 5},
		{"passed_is_next", 10, 0, 1, 1},
	} {
		for move, want := range map[string]Tick{"Hasten": test.hastened, "SetBy": test.due} {
			w := New(0)
			if test.set > 0 {
				w.Set(3, test.set)
			}
			if move == "Hasten" {
				w.Hasten(3, test.to)
			} else {
				w.SetBy(3, test.to)
			}
			if next, ok := w.Next(); next != want || ok != (want > 0) {
				t.Errorf("%s, %s: Next is %d, %v; want %d", test.name, move, next, ok, want)
			}
		}
	}
}

// A spoke full of timers that are due, behind as many that are a turn away, is walked
// once, not once for each call: that would take a thousand times as long as setting them.
func TestSpokeIsWalkedOnce(t *testing.T) {
	const n = 500_000
	w := New(0)
	begin, fired := time.Now(), 0
	for id := range 2 * n {
		w.Set(id, 10+Tick(id/n)*spokes)
	}
	setting := time.Since(begin)
	begin = time.Now()
	for !w.Advance(10, 256, func(int) { fired++ }) {
	}
	// A machine that stands still for a moment does so for less than 10 s.
	if took := time.Since(begin); fired != n || took > max(10*time.Second, 100*setting) {
		t.Errorf("fired %d of %d in %v; they were set in %v", fired, n, took, setting)
	}
}

func TestPassedTickFiresAtNextAdvance(t *testing.T) {
	w := New(100)
	w.Set(7, 50)
	n := 0
	w.Advance(100, math.MaxInt, func(int) { n++ })
	if n != 0 {
		t.Error("fired without a tick passing")
	}
	w.Advance(101, math.MaxInt, func(int) { n++ })
	if n != 1 {
		t.Errorf("fired %d times", n)
	}
}

func TestSetDoesNotAllocate(t *testing.T) {
	w := New(0)
	w.Set(0, 1)
	if n := allocs.PerRun(1000, func() { w.Set(0, 100); w.Clear(0) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
