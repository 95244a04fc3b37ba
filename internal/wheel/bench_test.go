package wheel

import (
	"math"
	"testing"
	"unsafe"
)

// million is how many timers are armed in these benchmarks.
const million = 1_000_000

// armed is a wheel with a million timers, on all spokes alike: 244 or so each. They are
// due within the turn or, if far, one turn later.
func armed(far bool) *Wheel {
	w := New(0)
	for id := range million {
		at := Tick(id%spokes) + 1
		if far {
			at += spokes
		}
		w.Set(id, at)
	}
	return w
}

// scattered gives timer numbers in an order that the cache does not foresee.
func scattered(i int) int { return int(uint64(i) * 7_919_473 % million) }

// BenchmarkMillion is what timers cost on a wheel that holds a million of them.
func BenchmarkMillion(b *testing.B) {
	b.Run("op=Set", func(b *testing.B) {
		w := armed(false)
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			w.Set(scattered(i), Tick(i%spokes)+1)
			i++
		}
		b.ReportMetric(float64(uintptr(len(w.pages)*pageSize)*unsafe.Sizeof(timer{}))/million, "B/timer")
	})
	b.Run("op=ClearSet", func(b *testing.B) {
		w := armed(false)
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			w.Clear(scattered(i))
			w.Set(scattered(i), Tick(i%spokes)+1)
			i++
		}
	})
	b.Run("op=Next", func(b *testing.B) {
		w := armed(false)
		b.ReportAllocs()
		for b.Loop() {
			w.Next()
		}
	})
	b.Run("op=Advance/tick=none", func(b *testing.B) {
		w := armed(false)
		b.ReportAllocs()
		for b.Loop() {
			w.Advance(0, math.MaxInt, nil)
		}
	})
	b.Run("op=Advance/due=244", func(b *testing.B) {
		w := armed(false)
		b.ReportAllocs()
		now, fired := Tick(0), 0
		for b.Loop() {
			now++
			// As a heartbeat does: it is set again for a turn later.
			w.Advance(now, math.MaxInt, func(id int) { fired++; w.Set(id, now+spokes) })
		}
		b.ReportMetric(float64(fired)/float64(b.N), "fired/op")
	})
	b.Run("op=Advance/far=244", func(b *testing.B) {
		w := armed(true)
		b.ReportAllocs()
		now, fired := Tick(0), 0
		for b.Loop() {
			now++
			w.Advance(now, math.MaxInt, func(int) { fired++ })
			if now == spokes { // before any is due
				b.StopTimer()
				w, now = armed(true), 0
				b.StartTimer()
			}
		}
		if fired > 0 {
			b.Errorf("%d fired", fired)
		}
	})
}
