package servertest

import (
	"fmt"
	"iter"
	"runtime/debug"
	"sync/atomic"
)

// worker is the goroutine of one strand after the other. It is a coroutine of the
// scheduler's: to go over to it and back takes a fraction of what channels take, and its
// stack need not grow anew for each.
type worker struct {
	// next goes on with the strand until it waits, or has ended. stop ends the worker.
	// Both are for the scheduler.
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool // goes back to the scheduler

	goroutine atomic.Uint64 // its number

	strand *strand
	lost   bool // its strand has taken it along
}

func newWorker() *worker {
	w := new(worker)
	w.next, w.stop = iter.Pull(func(yield func(struct{}) bool) {
		w.yield = yield
		w.goroutine.Store(goroutineNumber())
		for w.run(); yield(struct{}{}); {
			w.run()
		}
	})
	return w
}

// run runs the strand.
func (w *worker) run() {
	returned := false
	defer func() {
		if returned {
			return
		}
		w.strand.over, w.lost = true, true
		if p := recover(); p != nil {
			panic(fmt.Sprintf("servertest: a goroutine of the simulation panicked: %v\n\n%s", p, debug.Stack()))
		}
		// runtime.Goexit goes on once the worker is stopped, and would end the goroutine that stops
		// it.
		w.yield(struct{}{})
	}()
	w.strand.work()
	w.strand.over = true
	returned = true
}

// release takes a worker back whose strand has ended.
func (s *Sim) release(w *worker) {
	w.strand = nil
	if w.lost {
		go w.stop()
		return
	}
	s.workers = append(s.workers, w)
}

// lend is a worker for a strand.
func (s *Sim) lend(st *strand) *worker {
	n := len(s.workers)
	if n == 0 {
		s.workers = append(s.workers, newWorker())
		n = 1
	}
	w := s.workers[n-1]
	s.workers = s.workers[:n-1]
	w.strand = st
	return w
}
