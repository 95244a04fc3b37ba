package server

import (
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/internal/stacktrace"
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
	seen    []int64         // what each loop was at when it was last looked at
	held    []time.Duration // for how long it was seen there, by looks that came in time
	looked  time.Time       // when the last look was
	counted []int64         // what each loop was at when that was last counted
	logged  []int64         // and logged
	lastLog time.Time       // of any loop
	rest    time.Time       // when a stack may be looked at again
}

func newWatchdog(r *running, limit time.Duration) *watchdog {
	return &watchdog{limit: limit, run: r, rouse: make(chan struct{}, 1),
		seen: make([]int64, len(r.loops)), held: make([]time.Duration, len(r.loops)),
		counted: make([]int64, len(r.loops)), logged: make([]int64, len(r.loops))}
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
		timer.Reset(w.pace())
		<-timer.C
	}
}

// look reports each loop that has been at the same thing for over the limit, and
// tells whether any is at work, and whether all have ended.
func (w *watchdog) look() (busy, ended bool) {
	ended = true
	now := time.Now()
	since := now.Sub(w.looked)
	w.looked = now
	for i, l := range w.run.loops {
		if l.hasEnded() {
			continue
		}
		ended = false
		at := l.busy.Load()
		seen := w.sees(i, at, since)
		if at <= 0 {
			continue
		}
		busy = true
		held := time.Since(l.began) - time.Duration(at)
		if held > w.limit && seen > w.limit-2*w.pace() && at != w.logged[i] {
			w.report(i, at, held)
		}
	}
	return busy, ended
}

// pace is how far apart looks are, if they come in time.
func (w *watchdog) pace() time.Duration { return max(w.limit/watchdogLooks, watchdogPace) }

// sees notes what a loop is at, so long after the last look, and returns for how long it was
// seen there. A look that comes late shows that the machine has no time for the process, rather
// than that a callback takes it all: it counts as two that come in time.
func (w *watchdog) sees(i int, at int64, since time.Duration) time.Duration {
	if at != w.seen[i] {
		w.seen[i], w.held[i] = at, 0
		return 0
	}
	w.held[i] += min(since, 2*w.pace())
	return w.held[i]
}

// report counts a callback that holds loop i, and logs it with its stack, at once or
// when the log may have another. A loop can be late for other reasons, such as a
// process that gets no time: then no callback is on its stack, and it is looked at
// again if it stays late.
func (w *watchdog) report(i int, at int64, held time.Duration) {
	l, now := w.run.loops[i], time.Now()
	counted, mayLog := w.counted[i] == at, now.Sub(w.lastLog) >= watchdogLogEvery
	if now.Before(w.rest) || counted && !mayLog {
		return
	}
	stack, found := stackOf(l.goroutine.Load())
	w.rest = time.Now().Add(min(watchdogRest*time.Since(now), watchdogRestMost))
	if l.busy.Load() != at || found && !inCallback(stack) {
		return
	}
	if !counted {
		w.counted[i] = at
		l.tally.slow.Add(1)
	}
	if mayLog {
		w.logged[i], w.lastLog = at, now
		w.run.logger.Warn("framerail: a callback holds an event loop", "loop", l.number,
			"held", held, "limit", w.limit, "stack", stacktrace.Goroutine(stack))
	}
}
