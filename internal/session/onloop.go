package session

import (
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/framerail/framerail/internal/guard"
	"github.com/framerail/framerail/internal/stacktrace"
)

// A call that waits must fail on an event loop, whichever loop it is: the loop would wait
// for itself, or for another loop that waits for it. Go does not tell which goroutine
// calls, so the stack is searched for the function that runs loops. While every loop of the
// process sleeps the caller is no loop, and the stack need not be looked at.

// running are the loops of the process that run.
var running struct {
	mu    guard.LoneMutex
	loops atomic.Pointer[[]*Loop] // replaced as a whole, with mu held
}

// Run calls turns, which runs the loop, on the goroutine that calls Run. Calls that wait
// fail with ErrOnLoop within it.
func (l *Loop) Run(turns func()) {
	changeRunning(func(all []*Loop) []*Loop {
		if slices.Contains(all, l) {
			return all // by the goroutine that has lost it
		}
		return append(all, l)
	})
	l.Take()
	defer func() {
		if l.Lost() {
			return // its successor runs it
		}
		changeRunning(func(all []*Loop) []*Loop {
			return slices.DeleteFunc(all, func(o *Loop) bool { return o == l })
		})
		l.owner.Leave()
	}()
	onLoopBelow(turns)
}

// Take makes the calling goroutine the loop's: builds that check it panic if another touches
// what belongs to the loop. Run does so itself.
func (l *Loop) Take() {
	l.owner.Take()
	l.goroutine.Store(stacktrace.Number())
	l.lendable = false
	if l.Succeeds() {
		l.at(stepTaken)
	}
}

// Sleeps tells that the loop is about to wait for its poller, or has done so. In between
// it must not call anything of the program's. On the loop.
func (l *Loop) Sleeps(yes bool) {
	l.check()
	l.asleep.Store(yes)
}

func changeRunning(change func([]*Loop) []*Loop) {
	running.mu.Lock()
	defer running.mu.Unlock()
	var all []*Loop
	if old := running.loops.Load(); old != nil {
		all = slices.Clone(*old)
	}
	all = change(all)
	running.loops.Store(&all)
}

// onLoopBelow marks the stack of a loop's goroutine.
//
//go:noinline
func onLoopBelow(turns func()) { turns() }

// mark is the place in onLoopBelow to which turns returns, as runtime.Callers tells it. There is no other.
var mark = func() (pc uintptr) {
	onLoopBelow(func() {
		var pcs [1]uintptr
		runtime.Callers(2, pcs[:])
		pc = pcs[0]
	})
	return pc
}()

// RunsOnLoop tells whether the calling goroutine is one that runs a loop. A callback that may lose the
// loop loses it now, because its caller is about to wait.
func RunsOnLoop() bool {
	return belowLoop() && onLoop(func(l *Loop) bool {
		return !l.Relieve(l.Hold()) && !l.Lost() // Lost: a monitor came first
	})
}

// leaveLoop has the callback that calls lose its loop, if it may, because it is about to wait.
func leaveLoop() { RunsOnLoop() }

// staysOnLoop tells whether the calling goroutine runs a loop that its callback cannot lose: a caller must not
// wait there. Unlike RunsOnLoop it takes the loop from no callback.
func staysOnLoop() bool {
	return belowLoop() && onLoop(func(l *Loop) bool { return !l.canLose() })
}

// onLoop is what f says of the loop that the calling goroutine runs, and false if it runs none: then
// it did, and has lost it.
func onLoop(f func(*Loop) bool) bool {
	self := stacktrace.Number()
	for _, l := range *running.loops.Load() {
		if l.goroutine.Load() == self {
			return f(l)
		}
	}
	return false
}

// WithinLoop tells whether the calling goroutine runs a loop, or a callback that has lost one. Neither must
// wait for its own end. It looks even if all loops sleep, because the loop may sleep that a callback has lost.
func WithinLoop() bool { return stackHasMark() }

// belowLoop tells whether the calling goroutine's stack is that of a loop. While all loops sleep it does not look.
func belowLoop() bool {
	all := running.loops.Load()
	if all == nil || !slices.ContainsFunc(*all, func(l *Loop) bool { return !l.asleep.Load() }) {
		return false
	}
	return stackHasMark()
}

// stackHasMark tells whether the calling goroutine's stack is that of a loop, or was. The caller may be about to
// wait for long, so a small stack should not have to grow for this.
func stackHasMark() bool {
	var few [16]uintptr
	n := runtime.Callers(2, few[:])
	return slices.Contains(few[:n], mark) || n == len(few) && deepStackHasMark()
}

// deepStackHasMark is stackHasMark for a stack of many calls.
//
//go:noinline
func deepStackHasMark() bool {
	var some [64]uintptr
	for pcs := some[:]; ; pcs = make([]uintptr, 4*len(pcs)) {
		if n := runtime.Callers(2, pcs); n < len(pcs) {
			return slices.Contains(pcs[:n], mark)
		}
	}
}
