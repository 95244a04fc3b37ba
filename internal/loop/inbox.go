package loop

import (
	"math"
	"sync/atomic"

	"github.com/framerail/framerail/internal/guard"
	"github.com/framerail/framerail/internal/platform"
)

// Newcomer is a connection on its way to a loop.
type Newcomer interface {
	// Admit has it taken in. On the loop.
	Admit()
	// TurnAway ends it: it has come too late. From any goroutine.
	TurnAway()
}

// inbox is what other goroutines have for a loop. Its exported methods are for any goroutine.
type inbox struct {
	poll platform.Poller

	// load is how many connections the loop has or has been given.
	load atomic.Int64
	// busy is when the loop was last seen to get on, by session.Loop.Now: at each turn and
	// each look at the clock. It is asleep while the loop may be waiting: then a new entry must
	// wake the loop, and the watchdog does not look at it.
	busy atomic.Int64

	mu       guard.LastMutex
	entries  entries  // guarded by mu
	ended    bool     // guarded by mu: the loop reads them no more
	draining Draining // guarded by mu: how to carry out the command Drain
}

// What busy is when it is no time.
const (
	asleep = 0
	woken  = -1
)

// entries are what other goroutines have put into an inbox.
type entries struct {
	newcomers []Newcomer
	due       []*Tenant // connections to attend to
	asked     []func()  // to be called, see Ask
	command   Command
}

// isEmpty reports whether there is nothing for a loop that has carried out a command.
func (e *entries) isEmpty(done Command) bool {
	return len(e.newcomers) == 0 && len(e.due) == 0 && len(e.asked) == 0 && e.command <= done
}

// batch has the entries that a loop has taken from its inbox, and how far the loop has come with them.
// If a callback breaks a turn off, the next one goes on there. Owned by the loop.
type batch struct {
	entries
	admitted int // the next of newcomers
	attended int // the next of due
	called   int // the next of asked
}

// Deliver gives the loop a connection, and reports whether the loop takes it. A loop that has ended
// turns it away.
func (in *inbox) Deliver(n Newcomer) (taken bool) {
	in.load.Add(1)
	in.mu.Lock()
	taken = !in.ended
	if taken {
		in.entries.newcomers = append(in.entries.newcomers, n)
	}
	in.mu.Unlock()
	if !taken {
		n.TurnAway()
		return false
	}
	in.wake()
	return true
}

// Ask has the loop call f in its turn; not at all once it has ended.
func (in *inbox) Ask(f func()) {
	in.mu.Lock()
	if !in.ended {
		in.entries.asked = append(in.entries.asked, f)
	}
	in.mu.Unlock()
	in.wake()
}

// Command gives the loop a command.
func (in *inbox) Command(c Command) {
	in.mu.Lock()
	in.entries.command = max(in.entries.command, c)
	in.mu.Unlock()
	in.wake()
}

// schedule has the loop attend to an open connection.
func (in *inbox) schedule(t *Tenant) {
	in.mu.Lock()
	if !in.ended {
		in.entries.due = append(in.entries.due, t)
	}
	in.mu.Unlock()
	in.wake()
}

// wake makes a sleeping loop read its inbox. A loop that is awake reads it anyway.
func (in *inbox) wake() {
	if in.busy.Load() == asleep && in.busy.CompareAndSwap(asleep, woken) {
		_ = in.poll.Wake() // fails only once the loop has ended
	}
}

// take takes the entries that have come, if there are any. It gives the inbox those taken before, which are
// done.
func (in *inbox) take(done *entries) {
	in.mu.Lock()
	if !in.entries.isEmpty(done.command) {
		in.entries, *done = *done, in.entries
		in.entries.command = done.command
	}
	in.mu.Unlock()
}

// Load is how many connections the loop has or has been given.
func (in *inbox) Load() int64 { return in.load.Load() }

// attendDue attends to the connections that have asked for it.
func (l *Loop) attendDue() {
	r := &l.batch
	for r.attended < len(r.due) {
		t := r.due[r.attended]
		r.due[r.attended] = nil
		r.attended++
		l.current = t
		t.Attend()
	}
	l.current = nil
	r.due, r.attended = r.due[:0], 0
}

// callAsked calls the functions that were given to Ask.
func (l *Loop) callAsked() {
	r := &l.batch
	for r.called < len(r.asked) {
		f := r.asked[r.called]
		r.asked[r.called] = nil
		r.called++
		f()
	}
	r.asked, r.called = r.asked[:0], 0
}

// admitNewcomers takes in those that have come.
func (l *Loop) admitNewcomers() {
	r := &l.batch
	for r.admitted < len(r.newcomers) {
		n := r.newcomers[r.admitted]
		r.newcomers[r.admitted] = nil
		r.admitted++
		n.Admit()
	}
	r.newcomers, r.admitted = r.newcomers[:0], 0
}

// mayEnd reports whether the loop has nothing left to do. If so it takes no more connections. Those
// that it takes while it drains are answered like all others.
func (l *Loop) mayEnd() bool {
	if l.commands.now == Serve || l.slots.used > 0 {
		return false
	}
	l.inbox.mu.Lock()
	defer l.inbox.mu.Unlock()
	l.inbox.ended = l.commands.now == Abort || len(l.inbox.entries.newcomers) == 0
	return l.inbox.ended
}

// end gives back what the loop has, and turns away connections that it has not admitted. Its load
// becomes so large that LeastLoaded does not choose a loop that could not go on.
func (l *Loop) end() {
	l.load.Store(math.MaxInt64 / 2)
	l.inbox.mu.Lock()
	late := l.inbox.entries.newcomers
	l.inbox.entries = entries{}
	l.publish()
	l.inbox.mu.Unlock()
	for _, n := range late {
		n.TurnAway()
	}
	l.conns.End()
	_ = l.poll.Close()
	close(l.done)
	l.watchdog.awake()
	l.monitor.awake()
}
