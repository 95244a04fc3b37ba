//go:build linux

package main

import (
	"slices"
	"sync"
	"time"
)

// windowCount is how many parts a phase has. The p99 is found for each part, and the middle one counts: so
// what the machine did in one of them does not.
const windowCount = 5

// windows has how long things took in a phase, by the part of the phase in which they began. From any goroutine.
type windows struct {
	phase time.Duration

	mu   sync.Mutex
	took [windowCount][]time.Duration // guarded by mu
}

// note adds what began so long after the phase, and took so long.
func (w *windows) note(at, took time.Duration) {
	part := min(int(at*windowCount/w.phase), windowCount-1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.took[part] = append(w.took[part], took)
}

// late is the p99 of each part; 0 for one in which there was nothing.
func (w *windows) late() (p99s [windowCount]float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, took := range w.took {
		if len(took) > 0 {
			slices.Sort(took)
			p99s[i] = float64(took[len(took)*99/100])
		}
	}
	return p99s
}

// against is the p99, and how many times that of other windows it is, each in the middle of all parts that both
// have. It returns false if there are none.
func (w *windows) against(other *windows) (ratio float64, p99 time.Duration, ok bool) {
	var ratios, all []float64
	others := other.late()
	for i, p := range w.late() {
		if p > 0 && others[i] > 0 {
			ratios, all = append(ratios, p/others[i]), append(all, p)
		}
	}
	if len(ratios) == 0 {
		return 0, 0, false
	}
	return middle(ratios), time.Duration(middle(all)), true
}
