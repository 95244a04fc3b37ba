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
	// each look at the clock. It is asleep while the loop may be waiting: letters must
	// wake it, and the watchdog is not interested.
	busy atomic.Int64

	mu      guard.LastMutex
	letters letters // guarded by mu
	ended   bool    // guarded by mu: the loop reads them no more
}

// What busy is when it is no time.
const (
	asleep = 0
	woken  = -1
)

// letters are what an inbox holds.
type letters struct {
	newcomers []Newcomer
	due       []*Tenant // connections to attend to
	asked     []func()  // to be called, see Ask
	command   Command
}

// isEmpty tells whether there is nothing for a loop that has carried out a command.
func (ls *letters) isEmpty(done Command) bool {
	return len(ls.newcomers) == 0 && len(ls.due) == 0 && len(ls.asked) == 0 && ls.command <= done
}

// reading is the letters that a loop has taken from its inbox, and how far it has come: a
// turn that a callback breaks off is taken up there. Owned by the loop.
type reading struct {
	letters
	admitted int // the next of newcomers
	attended int // the next of due
	answered int // the next of asked
}

// Deliver gives the loop a connection, and tells whether it takes it: one that has ended
// turns it away.
func (in *inbox) Deliver(n Newcomer) (taken bool) {
	in.load.Add(1)
	in.mu.Lock()
	taken = !in.ended
	if taken {
		in.letters.newcomers = append(in.letters.newcomers, n)
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
		in.letters.asked = append(in.letters.asked, f)
	}
	in.mu.Unlock()
	in.wake()
}

// Command gives the loop a command.
func (in *inbox) Command(c Command) {
	in.mu.Lock()
	in.letters.command = max(in.letters.command, c)
	in.mu.Unlock()
	in.wake()
}

// schedule has the loop attend to an open connection.
func (in *inbox) schedule(t *Tenant) {
	in.mu.Lock()
	if !in.ended {
		in.letters.due = append(in.letters.due, t)
	}
	in.mu.Unlock()
	in.wake()
}

// wake sees that the loop reads its inbox soon. One that is awake will anyway.
func (in *inbox) wake() {
	if in.busy.Load() == asleep && in.busy.CompareAndSwap(asleep, woken) {
		_ = in.poll.Wake() // fails only once the loop has ended
	}
}

// take takes the letters that have come, in place of those taken before, which have been read.
func (in *inbox) take(read *letters) {
	in.mu.Lock()
	in.letters, *read = *read, in.letters
	in.letters.command = read.command
	in.mu.Unlock()
}

// Asked is how many functions wait for the loop to call them.
func (in *inbox) Asked() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.letters.asked)
}

// Load is how many connections the loop has or has been given.
func (in *inbox) Load() int64 { return in.load.Load() }

// attendDue attends to the connections that have asked for it.
func (l *Loop) attendDue() {
	r := &l.reading
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

// answerAsked calls what was asked for.
func (l *Loop) answerAsked() {
	r := &l.reading
	for r.answered < len(r.asked) {
		f := r.asked[r.answered]
		r.asked[r.answered] = nil
		r.answered++
		f()
	}
	r.asked, r.answered = r.asked[:0], 0
}

// admitNewcomers takes in those that have come.
func (l *Loop) admitNewcomers() {
	r := &l.reading
	for r.admitted < len(r.newcomers) {
		n := r.newcomers[r.admitted]
		r.newcomers[r.admitted] = nil
		r.admitted++
		n.Admit()
	}
	r.newcomers, r.admitted = r.newcomers[:0], 0
}

// mayEnd tells whether the loop has nothing left to do, and then takes no more
// connections. Those that it has taken while it drains are answered like all others.
func (l *Loop) mayEnd() bool {
	if l.commands.now == Serve || l.slots.used > 0 {
		return false
	}
	l.inbox.mu.Lock()
	defer l.inbox.mu.Unlock()
	l.inbox.ended = l.commands.now == Abort || len(l.inbox.letters.newcomers) == 0
	return l.inbox.ended
}

// end gives back what the loop has, and turns away those it has not come to. A loop that
// could not go on counts as full.
func (l *Loop) end() {
	l.load.Store(math.MaxInt64 / 2)
	l.inbox.mu.Lock()
	late := l.inbox.letters.newcomers
	l.inbox.letters = letters{}
	l.publish()
	l.inbox.mu.Unlock()
	for _, n := range late {
		n.TurnAway()
	}
	_ = l.poll.Close()
	close(l.done)
	l.watchdog.awake()
}
