package session

import (
	"time"

	"github.com/framerail/framerail/internal/guard"
)

const (
	// idleWorkers is how many workers of a loop may wait for work: more end when they have none.
	idleWorkers = 256
	// workerRest is how long a worker waits for work at least, before it ends.
	workerRest = time.Second
)

// workers run the callbacks of a loop's connections on goroutines that are used again. A fresh
// goroutine has a stack of 2 KiB. To grow it on the way to a callback costs more than all
// the rest of a short message.
//
// Work waits in a list. While the list is not empty, one worker is on its way to it: the scout.
// A worker that takes work wakes another one as the scout if there is none, because the work may
// block. So one worker runs the short callbacks of many connections after a single wake-up, and each
// callback that blocks has a worker of its own.
//
// The zero value is ready. Its methods are for any goroutine.
type workers struct {
	mu guard.LoneMutex

	// All guarded by mu.
	ready    fifo[func()] // the list
	scouting bool         // there is a scout
	idle     []*worker    // those that wait; the last one is woken first, because its stack is warm
	least    int          // how many were idle at all times since the timer was set
	timer    *time.Timer
	timed    bool // the timer is set
	ended    bool
}

// worker is one goroutine.
type worker struct {
	of    *workers
	wake  chan bool // of one element: true makes the worker the scout, false ends it
	scout bool      // owned by the worker
}

// add puts work into the list.
func (p *workers) add(work func()) {
	p.mu.Lock()
	p.ready.push(work)
	scout, fresh := p.callScout()
	p.mu.Unlock()
	scout.start(fresh)
}

// callScout appoints a scout, which the caller starts once it has let go of mu. It returns nil if
// none is needed. mu is held.
func (p *workers) callScout() (w *worker, fresh bool) {
	if p.scouting || p.ready.waiting() == 0 {
		return nil, false
	}
	p.scouting = true
	n := len(p.idle) - 1
	if n < 0 {
		return &worker{of: p, wake: make(chan bool, 1), scout: true}, true
	}
	w = p.idle[n]
	p.idle[n] = nil
	p.idle = p.idle[:n]
	p.least = min(p.least, n)
	return w, false
}

// start starts the scout.
func (w *worker) start(fresh bool) {
	switch {
	case w == nil:
	case fresh:
		go w.run()
	default:
		w.wake <- true
	}
}

// run is the worker's goroutine. A callback may end it by runtime.Goexit. Then it is not the scout,
// and nothing is lost with it: what the callback's connection has left is put into the list anew.
func (w *worker) run() {
	for work := w.take(); work != nil; work = w.take() {
		work()
	}
}

// take takes the first work of the list, or waits for some. It returns nil if the worker is to end.
func (w *worker) take() func() {
	p := w.of
	for {
		p.mu.Lock()
		if w.scout {
			w.scout, p.scouting = false, false
		}
		if p.ready.waiting() > 0 {
			work := p.ready.pop()
			scout, fresh := p.callScout()
			p.mu.Unlock()
			scout.start(fresh)
			return work
		}
		stays := p.rest(w)
		p.mu.Unlock()
		if !stays || !<-w.wake {
			return nil
		}
		w.scout = true
	}
}

// rest has a worker wait, and reports whether it may. mu is held.
func (p *workers) rest(w *worker) bool {
	if p.ended || len(p.idle) >= idleWorkers {
		return false
	}
	p.idle = append(p.idle, w)
	if !p.timed {
		p.least, p.timed = len(p.idle), true
		if p.timer == nil {
			p.timer = time.AfterFunc(workerRest, p.shrink)
		} else {
			p.timer.Reset(workerRest)
		}
	}
	return true
}

// shrink ends as many workers as had no work since the timer was set. It sets the timer again if
// others are idle.
func (p *workers) shrink() {
	p.mu.Lock()
	gone := append([]*worker(nil), p.idle[:p.least]...)
	n := copy(p.idle, p.idle[p.least:])
	clear(p.idle[n:])
	p.idle = p.idle[:n]
	p.least, p.timed = n, n > 0
	if p.timed {
		p.timer.Reset(workerRest)
	}
	p.mu.Unlock()
	for _, w := range gone {
		w.wake <- false
	}
}

// end ends the workers that are idle, and the others when they have no work. What is added later still
// runs.
func (p *workers) end() {
	p.mu.Lock()
	gone := p.idle
	p.idle, p.least, p.ended = nil, 0, true
	p.mu.Unlock()
	for _, w := range gone {
		w.wake <- false
	}
}
