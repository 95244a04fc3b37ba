package loop

import (
	"sync/atomic"
	"time"
)

// holdMost is how long a callback may hold a loop, at least, before it loses it. It is at most
// twice as long, if the system gives the monitor time.
const holdMost = time.Millisecond

// monitor takes loops from callbacks that hold them for too long, where Dispatch is Adaptive. It is one
// goroutine for a server, and sleeps while all of its loops do.
type monitor struct {
	loops []*Loop
	seen  []uint64 // the callback of each loop at the last look; owned by the monitor's goroutine

	// idle is true while the monitor may be asleep: a loop that awakes must wake it.
	idle  atomic.Bool
	rouse chan struct{} // of one element
}

func newMonitor(loops []*Loop) *monitor {
	return &monitor{loops: loops, seen: make([]uint64, len(loops)), rouse: make(chan struct{}, 1)}
}

// awake wakes the monitor because a loop is awake. From any goroutine.
func (m *monitor) awake() {
	if m != nil && m.idle.Load() && m.idle.CompareAndSwap(true, false) {
		select {
		case m.rouse <- struct{}{}:
		default:
		}
	}
}

// watch looks at the loops until all have ended.
func (m *monitor) watch() {
	timer := time.NewTimer(holdMost)
	defer timer.Stop()
	for {
		<-timer.C
		busy, ended := m.look()
		if ended {
			return
		}
		if !busy {
			// It announces its sleep before it looks again, so that no loop is overlooked.
			m.idle.Store(true)
			if busy, ended = m.look(); !busy && !ended {
				<-m.rouse
			}
			m.idle.Store(false)
		}
		timer.Reset(holdMost)
	}
}

// look takes each loop from the callback that held it at the last look, too. It returns whether any loop
// is at work, and whether all have ended.
func (m *monitor) look() (busy, ended bool) {
	ended = true
	for i, l := range m.loops {
		if l.HasEnded() {
			continue
		}
		ended = false
		busy = busy || l.busy.Load() > 0
		held := l.conns.Hold()
		if held != 0 && held == m.seen[i] {
			l.conns.Relieve(held)
		}
		m.seen[i] = held
	}
	return busy, ended
}
