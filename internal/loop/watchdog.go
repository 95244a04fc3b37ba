package loop

import (
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/internal/stacktrace"
)

// Watchdog finds callbacks that hold a loop for too long. It is one goroutine for a
// server, and sleeps while all of its loops do.
type Watchdog struct {
	limit   time.Duration
	loops   []*Loop
	options *Options

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

func newWatchdog(loops []*Loop, o *Options) *Watchdog {
	n := len(loops)
	return &Watchdog{limit: o.SlowCallback, loops: loops, options: o, rouse: make(chan struct{}, 1),
		seen: make([]int64, n), held: make([]time.Duration, n),
		counted: make([]int64, n), logged: make([]int64, n)}
}

// awake wakes the watchdog because a loop is awake. From any goroutine.
func (w *Watchdog) awake() {
	if w != nil && w.idle.Load() {
		w.wake()
	}
}

func (w *Watchdog) wake() {
	if w.idle.CompareAndSwap(true, false) {
		select {
		case w.rouse <- struct{}{}:
		default:
		}
	}
}

// watch looks at the loops until all have ended.
func (w *Watchdog) watch() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		busy, ended := w.look()
		if ended {
			return
		}
		if !busy {
			// It announces its sleep before it looks again, so that no loop is overlooked.
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

// look reports each loop that has been at the same thing for over the limit. It returns whether any loop
// is at work, and whether all have ended.
func (w *Watchdog) look() (busy, ended bool) {
	ended = true
	now := time.Now()
	since := now.Sub(w.looked)
	w.looked = now
	for i, l := range w.loops {
		if l.HasEnded() {
			continue
		}
		ended = false
		at := l.busy.Load()
		seen := w.sees(i, at, since)
		if at <= 0 {
			continue
		}
		busy = true
		held := time.Since(l.clock.began) - time.Duration(at)
		if held > w.limit && seen > w.limit-2*w.pace() && at != w.logged[i] {
			w.report(i, at, held)
		}
	}
	return busy, ended
}

// pace is how far apart looks are, if they come in time.
func (w *Watchdog) pace() time.Duration { return max(w.limit/watchdogLooks, watchdogPace) }

// sees notes what a loop is at, so long after the last look, and returns for how long it was
// seen there. A look that comes late shows that the machine has no time for the process, rather
// than that a callback takes it all: it counts as two that come in time.
func (w *Watchdog) sees(i int, at int64, since time.Duration) time.Duration {
	if at != w.seen[i] {
		w.seen[i], w.held[i] = at, 0
		return 0
	}
	w.held[i] += min(since, 2*w.pace())
	return w.held[i]
}

// report counts a callback that holds loop i. It logs the callback with its stack, at once or when the log
// may have another. A loop can also be late because the process gets no time. Then no callback is on
// its stack, and the watchdog looks again if the loop stays late.
func (w *Watchdog) report(i int, at int64, held time.Duration) {
	l, now := w.loops[i], time.Now()
	counted, mayLog := w.counted[i] == at, now.Sub(w.lastLog) >= watchdogLogEvery
	if now.Before(w.rest) || counted && !mayLog {
		return
	}
	stack, found := stackOf(l.goroutine.Load())
	w.rest = time.Now().Add(min(watchdogRest*time.Since(now), watchdogRestMost))
	if l.busy.Load() != at || found && !w.options.inCallback(stack) {
		return
	}
	if !counted {
		w.counted[i] = at
		l.counters.slow.Add(1)
	}
	if mayLog {
		w.logged[i], w.lastLog = at, now
		w.options.Logger.Warn("framerail: a callback holds an event loop", "loop", l.Number,
			"held", held, "limit", w.limit, "stack", stacktrace.Goroutine(stack))
	}
}
