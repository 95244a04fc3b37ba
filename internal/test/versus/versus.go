// Package versus measures implementations of one thing against each other. They take turns,
// many times in a second, so that what else the machine does slows all of them alike.
package versus

import (
	"slices"
	"testing"
	"time"
)

// Way is one implementation.
type Way struct {
	Name string
	Run  func(times int) // does it so many times
}

// turn is how long one way runs before it is the next one's turn. It is long beside what it
// takes to read the clock.
const turn = 10 * time.Microsecond

// Run is the body of a benchmark of the first way, which handles size bytes each time. It
// reports how many times as long each other way takes, as x-Name: the median of all rounds.
func Run(b *testing.B, size int, ways ...Way) {
	b.ReportAllocs()
	times := calibrate(ways)
	took := make([]float64, len(ways))
	first, ratios := []float64{}, make([][]float64, len(ways))
	for b.Loop() {
		for range 10 { // to grow first and ratios costs little beside this
			for i, w := range ways {
				start := time.Now()
				w.Run(times[i])
				took[i] = float64(time.Since(start)) / float64(times[i])
			}
			if took[0] == 0 { // the clock is coarse
				continue
			}
			first = append(first, took[0])
			for i := range ways[1:] {
				ratios[i+1] = append(ratios[i+1], took[i+1]/took[0])
			}
		}
	}
	ns := median(first)
	b.ReportMetric(ns, "ns/op")
	b.ReportMetric(float64(size)/ns*1e3, "MB/s")
	for i, w := range ways[1:] {
		b.ReportMetric(median(ratios[i+1]), "x-"+w.Name)
	}
}

// calibrate tells how often each way runs in its turn.
func calibrate(ways []Way) []int {
	times := make([]int, len(ways))
	for i, w := range ways {
		times[i] = 1
		for fastest(w, times[i]) < turn && times[i] < 1<<20 {
			times[i] *= 2
		}
	}
	return times
}

// fastest tells how long a way takes where nothing interrupts it.
func fastest(w Way, times int) time.Duration {
	least := time.Duration(1<<63 - 1)
	for range 5 {
		start := time.Now()
		w.Run(times)
		least = min(least, time.Since(start))
	}
	return least
}

func median(of []float64) float64 {
	if len(of) == 0 {
		return 0
	}
	slices.Sort(of)
	return of[len(of)/2]
}
