package loop

import (
	"sync/atomic"
	"time"
)

// holdMost is how long a callback may hold a loop, at least, before it loses it. It is at most
// twice as long while the monitor has a processor when it wants one. If callbacks compute on all of them, Go's
// scheduler gives it one after 10 ms or more.
const holdMost = time.Millisecond

// monitor takes loops from callbacks that hold them for too long, where Dispatch is Adaptive. It is one
// goroutine for a server, and sleeps while no loop has a callback to lose.
type monitor struct {
	loops []watched

	// idle is true while the monitor may be asleep: a loop that awakes must wake it.
	idle  atomic.Bool
	rouse chan struct{} // of one element

	// Owned by the monitor's goroutine.
	seen   []uint64  // the callback of each loop at the last look
	looked time.Time // when that was
	roused time.Time // when a loop last woke the monitor
}

// watched is a loop as the monitor sees it.
type watched interface {
	HasEnded() bool
	// since returns when the loop last noted the time, zero while it sleeps, and whether callbacks may hold it in
	// this turn.
	since() (at time.Time, lends bool)
	// Hold and Relieve are those of session.Loop.
	Hold() uint64
	Relieve(n uint64) bool
}

// watchedLoop is a Loop that is watched.
type watchedLoop struct{ *Loop }

func (l watchedLoop) Hold() uint64          { return l.conns.Hold() }
func (l watchedLoop) Relieve(n uint64) bool { return l.conns.Relieve(n) }
func (l watchedLoop) since() (at time.Time, lends bool) {
	if busy := l.busy.Load(); busy > 0 {
		return l.clock.began.Add(time.Duration(busy)), l.conns.Lends()
	}
	return time.Time{}, false
}

func newMonitor(loops []*Loop) *monitor {
	m := &monitor{seen: make([]uint64, len(loops)), rouse: make(chan struct{}, 1)}
	for _, l := range loops {
		m.loops = append(m.loops, watchedLoop{l})
	}
	return m
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
		for !busy && !ended {
			busy, ended = m.rest()
		}
		if ended {
			return
		}
		timer.Reset(holdMost)
	}
}

// rest sleeps until a loop awakes, and then looks at once. A callback that runs then loses the loop at the next
// look. On a single processor the monitor runs just when a callback has begun to wait. rest also returns busy if
// the last wake-up was less than holdMost ago: a timer is cheaper then than a wake-up by each loop. Where loops
// seldom awake a timer would be set in vain. Go's scheduler would set one of the kernel's each time a loop sleeps.
func (m *monitor) rest() (busy, ended bool) {
	// It announces its sleep before it looks again, so that no loop is overlooked.
	m.idle.Store(true)
	if busy, ended = m.look(); busy || ended {
		m.idle.Store(false)
		return busy, ended
	}
	<-m.rouse
	last := m.roused
	busy, ended = m.look()
	m.roused = m.looked
	return busy || m.roused.Sub(last) < holdMost, ended
}

// look takes each loop from the callback that held it at the last look, too. If that look is long ago the
// machine had no time for the monitor; then a callback loses the loop at the first look. It returns busy if a
// callback holds a loop, or may in this turn, and ended if all loops have ended. Look twice without a pause only
// if the first look has found no callback: a young one would lose its loop.
func (m *monitor) look() (busy, ended bool) {
	ended = true
	now := time.Now()
	late := now.Sub(m.looked) >= 2*holdMost
	m.looked = now
	for i, l := range m.loops {
		if l.HasEnded() {
			continue
		}
		ended = false
		held := l.Hold()
		at, lends := l.since()
		busy = busy || held != 0 || lends
		if held != 0 && (held == m.seen[i] || late && !at.IsZero() && now.Sub(at) >= 2*holdMost) {
			l.Relieve(held)
		}
		m.seen[i] = held
	}
	return busy, ended
}
