package session

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/guard"
	"github.com/framerail/framerail/internal/stacktrace"
)

const (
	// pauseFirst is how long no callback runs on a loop after one has lost it. While probes fail it
	// doubles, up to pauseMost.
	pauseFirst = 100 * time.Millisecond
	pauseMost  = 5 * time.Second
	// pauseMemory is how many callbacks the loop must run, after one has lost it, for the next pause to
	// be a short one again: then it was an exception. That is no time, because a program may block
	// in bursts. A loss costs a loop's connections a millisecond or two, and the loop saves about as much
	// on so many callbacks.
	pauseMemory = 10_000
	// lostMost is how many callbacks of a loop may go on with its read buffer. While there are so
	// many no callback runs on the loop, nor while they keep keptMost bytes.
	lostMost = 16
	keptMost = 2 << 20
)

// relief is how a loop outlives a callback that holds it. With [Adaptive], Message callbacks run on
// the loop. If one does not return soon, another goroutine, the successor, takes the loop over where
// it stands. The callback has then lost the loop: it goes on beside it, as on a worker.
//
// The loop stores the callback's number in holder before the call, and takes it out after. A monitor
// takes it out, too. Whichever does so first decides who has the loop from then on. Everything that the
// loop has written before belongs to the successor then. What the callback uses, the payload above all, the
// successor replaces: see [Driver.Resume]. The callback's goroutine ends when the callback has returned,
// without touching what is the loop's.
type relief struct {
	// Succeed starts a goroutine that calls Run, and there first Resume of the Driver whose callback has
	// lost the loop. From any goroutine. The owner sets it before the first connection.
	// Nil: no callback loses the loop.
	Succeed func()
	// Chance, in a simulation, decides what happens at a callback: whether it loses the loop when it begins,
	// or has returned, and then whether the successor comes first. Nil: monitors decide.
	Chance func() bool
	// look, in a test, is called at each step of a hand-over, on the goroutine that takes the step. Nil: it is not
	// called.
	look func(step)

	holder    atomic.Uint64 // the callback that holds the loop, and may lose it; 0 for none
	goroutine atomic.Int64  // the number of the loop's goroutine; 0 from the loss to the succession
	out       atomic.Int32  // callbacks that have lost the loop and have not returned
	kept      atomic.Int64  // bytes of the loop's buffers that these callbacks keep
	pauses    atomic.Bool   // no callback runs on the loop in this turn; set by the loop

	succession *lostCall // set by the goroutine that took the number out of holder, for the successor

	// Owned by the loop.
	number   uint64        // of the last callback
	lendable bool          // a callback may lose the loop now: the successor can go on from here
	behind   []byte        // the input behind the message that is handed on
	until    time.Duration // callbacks run on workers until then, by Loop.Now
	pause    time.Duration // how long that was
	lostAt   uint64        // number of the last callback that lost the loop

	mu   guard.LastMutex
	lost map[uint64]*lostCall // guarded by mu: by the callback's number
}

// lostCall is a callback that has lost the loop.
type lostCall struct {
	// Guarded by the connection's mu.
	resumed bool // the successor has seen to the connection
	done    sync.Cond
	work    func()           // runs the connection's inbox, once the callback has returned
	holds   []*buffer.Buffer // what the payload may lie in
	charged int              // bytes of what was the loop's and the payload may lie in
}

// step is a step of a hand-over, which a test may look at.
type step uint8

const (
	stepBegun    step = iota // the callback's number is stored
	stepReturned             // the callback has returned, or panicked, and its number is still stored
	stepWon                  // Relieve has taken it out; mu is held
	stepRecorded             // there is a lostCall, and no successor yet
	stepTaken                // the successor has the loop
	stepRescuing             // it is about to see to the connection
	stepRescued              // and has done so
	stepWaits                // the callback waits for that; the connection's mu is held
	stepReleased             // the callback's memory is given back
	stepSpawned              // the connection's inbox is on its way to a worker
	steps
)

// at tells a test of a step.
func (r *relief) at(s step) {
	if r.look != nil {
		r.look(s)
	}
}

// Hold is the callback that holds the loop, and may lose it; 0 for none. From any goroutine.
func (r *relief) Hold() uint64 { return r.holder.Load() }

// Relieve takes the loop from a callback, unless that has returned. It reports whether it did. From any
// goroutine.
func (r *relief) Relieve(n uint64) bool {
	r.mu.Lock()
	lost := n != 0 && r.Succeed != nil && r.holder.CompareAndSwap(n, 0)
	if lost {
		r.at(stepWon)
		if r.lost == nil {
			r.lost = make(map[uint64]*lostCall)
		}
		r.succession = new(lostCall)
		r.lost[n] = r.succession
		r.goroutine.Store(0)
		r.out.Add(1)
	}
	r.mu.Unlock()
	if lost {
		r.at(stepRecorded)
		r.Succeed()
	}
	return lost
}

// Succeeds reports whether the loop's goroutine is a successor that has not resumed. On the loop.
func (r *relief) Succeeds() bool { return r.succession != nil }

// Lost reports whether the calling goroutine was the loop's and is not any more: nothing on its stack may
// touch the loop. From goroutines that are, or were, the loop's.
func (r *relief) Lost() bool {
	return r.Succeed != nil && r.goroutine.Load() != stacktrace.Number()
}

// canLose reports whether the callback that calls can lose the loop, or has lost it. From goroutines that are, or
// were, the loop's.
func (r *relief) canLose() bool {
	r.mu.Lock() // a monitor that has begun to take the loop is done then
	defer r.mu.Unlock()
	return r.Succeed != nil && r.holder.Load() != 0 || r.Lost()
}

// begin notes that a callback begins, and returns its number. On the loop, for the last time if the
// callback loses it.
func (r *relief) begin() uint64 {
	n := r.number + 1
	r.number = n
	r.holder.Store(n)
	return n
}

// keep notes that a callback has returned, and reports whether it has the loop still.
func (r *relief) keep(n uint64) bool { return r.holder.CompareAndSwap(n, 0) }

// take is the record of a callback that has lost the loop. From its goroutine.
func (r *relief) take(n uint64) *lostCall {
	r.mu.Lock()
	defer r.mu.Unlock()
	call := r.lost[n]
	delete(r.lost, n)
	return call
}

// backOff has callbacks run on workers for a while. On the loop.
func (r *relief) backOff(now time.Duration) {
	if r.pause == 0 || r.number-r.lostAt > pauseMemory {
		r.pause = pauseFirst
	} else {
		r.pause = min(2*r.pause, pauseMost)
	}
	r.lostAt = r.number
	r.until = now + r.pause
	r.pauses.Store(true)
}

// BeginTurn decides whether callbacks run on the loop in the turn that begins, and may lose it. The
// owner calls it once Now is set. If memory is short, none does: one that lost the loop would keep some memory.
func (l *Loop) BeginTurn(short bool) (lends bool) {
	l.check()
	pauses := short || l.Now < l.until || l.out.Load() >= lostMost || l.kept.Load() >= keptMost
	if pauses != l.pauses.Load() {
		l.pauses.Store(pauses)
	}
	return !pauses
}

// Lends reports whether callbacks run on the loop in this turn. From any goroutine.
func (r *relief) Lends() bool { return !r.pauses.Load() }
