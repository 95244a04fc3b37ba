package loop

import (
	"sync/atomic"
	"time"
)

// counters are what a loop counts besides what its connections do.
type counters struct {
	slow atomic.Uint64

	// Guarded by the inbox's mu.
	published Stats
	peaks     peaks
}

// Stats are a loop's counters and figures. An Account has those of connections.
type Stats struct {
	// Timers is how many are set.
	Timers int
	// Lag is how long its turns take.
	Lag Lag
	// Buffers is how many pooled buffers are lent now, and BufferBytes their size.
	Buffers, BufferBytes int64
}

// turn counts a turn that took so long. The inbox's mu is held.
func (c *counters) turn(now, took time.Duration) {
	c.published.Lag.note(took)
	c.peaks.note(now, took)
}

// publish shows what the loop has counted, as of now. On the loop, with its inbox's mu held.
func (l *Loop) publish() {
	for _, a := range l.accounts {
		a.publish()
	}
	l.counters.published.Timers = l.timers.Armed()
}

// Stats is a snapshot. From any goroutine.
func (l *Loop) Stats() Stats {
	l.inbox.mu.Lock()
	st := l.counters.published
	now := l.clock.now()
	st.Lag.Recent = l.counters.peaks.at(now)
	l.inbox.mu.Unlock()
	if at := time.Duration(l.busy.Load()); at > 0 {
		st.Lag.Recent = max(st.Lag.Recent, now-at)
	}
	st.Timers += l.conns.AfterFuncs()
	st.Lag.SlowCallbacks = l.counters.slow.Load()
	st.Buffers, st.BufferBytes = l.conns.Lent()
	return st
}
