package server

import (
	"sync/atomic"
	"time"
)

// watchdog finds callbacks that hold a loop for too long. It is one goroutine for a
// server, and sleeps while all of its loops do.
type watchdog struct {
	limit time.Duration // 0: there is no watchdog
	run   *running

	// idle is true while the watchdog may be asleep: a loop that awakes must wake it.
	idle  atomic.Bool
	rouse chan struct{} // of one element

	// Owned by the watchdog's goroutine.
	seen     []int64   // what each loop was at when it was last reported
	looked   time.Time // when a stack was last looked at
	unlogged int       // incidents since one was logged
}

func newWatchdog(r *running, limit time.Duration) *watchdog {
	return &watchdog{limit: limit, run: r, rouse: make(chan struct{}, 1), seen: make([]int64, len(r.loops))}
}

// awake tells the watchdog that a loop is. From any goroutine.
func (w *watchdog) awake() {
	if w != nil && w.idle.Load() {
		w.wake()
	}
}

func (w *watchdog) wake() {
	if w.idle.CompareAndSwap(true, false) {
		select {
		case w.rouse <- struct{}{}:
		default:
		}
	}
}

// watch looks at the loops until all have ended.
func (w *watchdog) watch() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		busy, ended := w.look()
		if ended {
			return
		}
		if !busy {
			// Announcing sleep before looking again sees to it that none is overlooked.
			w.idle.Store(true)
			if busy, ended = w.look(); !busy && !ended {
				<-w.rouse
			}
			w.idle.Store(false)
		}
		timer.Reset(max(w.limit/watchdogLooks, watchdogPace))
		<-timer.C
	}
}

// look reports each loop that has been at the same thing for over the limit, and
// tells whether any is at work, and whether all have ended.
func (w *watchdog) look() (busy, ended bool) {
	ended = true
	for i, l := range w.run.loops {
		select {
		case <-l.done:
			continue
		default:
			ended = false
		}
		at := l.busy.Load()
		if at <= 0 {
			continue
		}
		busy = true
		held := time.Since(l.began) - time.Duration(at)
		if held > w.limit && at != w.seen[i] {
			w.seen[i] = at
			w.report(l, at, held)
		}
	}
	return busy, ended
}

// report counts a callback that holds a loop, and logs it with its stack. A loop can
// be late for other reasons, such as a process that gets no time: then no callback
// is on its stack. Looking at it stops the world, so that is done once in a while.
func (w *watchdog) report(l *loop, at int64, held time.Duration) {
	now := time.Now()
	if now.Sub(w.looked) < watchdogLogEvery {
		l.tally.slow.Add(1)
		w.unlogged++
		return
	}
	w.looked = now
	stack, found := stackOf(l.goroutine.Load())
	if l.busy.Load() != at || found && !inCallback(stack) {
		return // it is over, or it was none
	}
	l.tally.slow.Add(1)
	w.run.logger.Warn("framerail: a callback holds an event loop", "loop", l.number,
		"held", held, "limit", w.limit, "unlogged", w.unlogged, "stack", stack)
	w.unlogged = 0
}
