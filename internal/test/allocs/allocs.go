// Package allocs counts what code under test allocates, in a process that does other things too.
package allocs

import "testing"

// Batches is how many batches PerRun measures at most.
const Batches = 5

// PerRun is testing.AllocsPerRun of the best of some batches: f is called up to Batches × (runs + 1) times.
// Goroutines that other tests have left allocate too, and a collection in the midst empties pools. Both can
// only add to a batch. What f itself allocates is in all of them.
func PerRun(runs int, f func()) float64 {
	least := testing.AllocsPerRun(runs, f)
	for i := 1; i < Batches && least > 0; i++ {
		least = min(least, testing.AllocsPerRun(runs, f))
	}
	return least
}
