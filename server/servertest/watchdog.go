package servertest

import (
	"bytes"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// A strand that blocks for stuckAfter of real time ends the test. The watchdog looks that many
// times in it.
const (
	stuckAfter = 10 * time.Second
	stuckLooks = 5
)

// watchdog finds a strand that waits for something real, such as a channel. The simulation cannot go
// on then, and the test would hang without a word.
type watchdog struct {
	turn   atomic.Uint64 // counted up when a strand begins to run and when it stops: odd meanwhile
	worker atomic.Pointer[worker]
	armed  atomic.Bool // look will be called

	every time.Duration // between two looks
	fail  func(string)  // panics; a test has its own

	// Owned by look.
	seen  uint64 // turn at the last look
	looks int    // that found the same strand
}

func (w *watchdog) init() {
	w.every = stuckAfter / stuckLooks
	w.fail = func(what string) { panic(what) }
}

// begin notes that a strand runs on a worker, and end that it does no longer.
func (w *watchdog) begin(on *worker) {
	w.worker.Store(on)
	w.turn.Add(1)
	w.arm()
}

func (w *watchdog) end() { w.turn.Add(1) }

// arm has look called, unless it will be.
func (w *watchdog) arm() {
	if !w.armed.Load() && w.armed.CompareAndSwap(false, true) {
		time.AfterFunc(w.every, w.look)
	}
}

// look fails if the same strand has been waiting for too long. It has itself called again until the
// simulation rests, so that a Sim that nobody closes is not kept for ever.
func (w *watchdog) look() {
	turn := w.turn.Load()
	switch {
	case turn != w.seen:
		w.seen, w.looks = turn, 0
	case turn%2 == 0:
		w.armed.Store(false)
		if w.turn.Load() != turn {
			w.arm()
		}
		return
	default:
		w.looks++
	}
	if w.looks >= stuckLooks {
		w.looks = 0
		if stack := stackOf(w.worker.Load().goroutine.Load()); isWaiting(stack) && w.turn.Load() == turn {
			w.fail(fmt.Sprintf(stuckText, stuckAfter, stack))
		}
	}
	time.AfterFunc(w.every, w.look)
}

const stuckText = `servertest: a callback, or a function of Sim.Go, has been blocked for %v of real time.
Channels, locks, time.Sleep and the go statement are real, so nothing of the simulation runs
meanwhile. Wait with Sim.WaitFor or Sim.Sleep. Guard what callbacks share with a mutex that is
held briefly, or with Conn.Do: a goroutine that owns it cannot be simulated. It waits here:

%s
`

// waitStates are how the states of goroutines begin that wait for something.
var waitStates = []string{"chan ", "select", "sync.", "semacquire", "sleep", "IO wait"}

// isWaiting tells whether a goroutine waits, going by its stack. One that computes will get done.
func isWaiting(stack string) bool {
	_, state, _ := strings.Cut(stack, " [")
	for _, s := range waitStates {
		if strings.HasPrefix(state, s) {
			return true
		}
	}
	return false
}

// goroutineNumber is the number of the goroutine that calls it.
func goroutineNumber() uint64 {
	var b [64]byte
	fields := bytes.Fields(b[:runtime.Stack(b[:], false)])
	n, _ := strconv.ParseUint(string(fields[1]), 10, 64) // "goroutine 7 [running]:"
	return n
}

// stackOf is the stack of the goroutine with that number; "" if there is none.
func stackOf(goroutine uint64) string {
	b := make([]byte, 1<<20)
	for {
		n := runtime.Stack(b, true)
		if n < len(b) || n >= 64<<20 {
			b = b[:n]
			break
		}
		b = make([]byte, 2*n)
	}
	for stack := range strings.SplitSeq(string(b), "\n\n") {
		if strings.HasPrefix(stack, fmt.Sprintf("goroutine %d ", goroutine)) {
			return stack
		}
	}
	return ""
}
