package wheel

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
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
	if n := testing.AllocsPerRun(1000, func() { w.Set(0, 100); w.Clear(0) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkSet(b *testing.B) {
	w := New(0)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		w.Set(i&0xFFFF, Tick(i&0xFFF)+1)
		i++
	}
}

// BenchmarkMillionArmed shows what a timer costs in memory.
func BenchmarkMillionArmed(b *testing.B) {
	const n = 1_000_000
	b.ReportAllocs()
	for b.Loop() {
		w := New(0)
		for id := range n {
			w.Set(id, Tick(id%4000)+1)
		}
		b.ReportMetric(float64(len(w.pages)*pageSize*12)/n, "B/timer")
	}
}
