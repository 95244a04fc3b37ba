package servertest

import (
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/framerail/framerail/internal/loop"
)

// strand stands for a goroutine: an event loop, the one that accepts, callbacks. It
// has one, but runs only while the scheduler lets it.
type strand struct {
	id     int
	work   func()
	worker *worker // nil before it has begun
	waits  waiting
	vain   int  // looks that have found it waiting, since it ran
	rests  bool // it is not among those that are awake
	over   bool
}

func (st *strand) String() string { return fmt.Sprintf("goroutine %d", st.id) }

// waiting is what a strand waits for.
type waiting struct {
	// ready tells whether it has come. Called with mu held.
	ready func() bool
	// asks is the program's own ready. Called with mu not held, so that it may look at the
	// simulation.
	asks func() bool
	// until is when to wait no longer. Zero: never.
	until time.Time
	// change: it waits for others to have run, since seen.
	change bool
	seen   uint64
	// poller is the one that a loop waits for.
	poller *simPoller
}

// isOver tells whether there is nothing more to wait for. mu is held.
func (w *waiting) isOver(s *Sim) bool {
	return w.change && w.seen != s.turns ||
		w.poller != nil && w.poller.ready() ||
		w.ready != nil && w.ready() ||
		w.asks != nil && s.ask(w.asks) ||
		w.isLate(s.now)
}

// isLate tells whether its time has come.
func (w *waiting) isLate(now time.Time) bool { return !w.until.IsZero() && !w.until.After(now) }

// mayRest tells whether it need not be looked at before each step. A loop may be wanted at any time, and the
// program's own question must not be asked late.
func (w *waiting) mayRest() bool { return w.poller == nil && w.asks == nil && !w.change }

// ask is f, without mu, which is held.
func (s *Sim) ask(f func() bool) bool {
	s.mu.Unlock()
	defer s.mu.Lock()
	return f()
}

// always is what a strand waits for that has not begun.
func always() bool { return true }

// Go runs f beside its caller, in turns with all else. It may be called from the
// test and from callbacks.
func (s *Sim) Go(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.killing {
		return
	}
	s.begun++
	st := &strand{id: s.begun, work: f, waits: waiting{ready: always}}
	s.strands = append(s.strands, st)
	s.awake = append(s.awake, st)
}

// run lets a strand run until it waits again or ends.
func (s *Sim) run(st *strand) {
	if st.worker == nil {
		st.worker = s.lend(st)
	}
	s.current = st
	s.watchdog.begin(st.worker)
	defer s.ran(st) // if it panics, too
	st.worker.next()
}

// ran takes a strand out that has ended.
func (s *Sim) ran(st *strand) {
	s.current = nil
	s.watchdog.end()
	if !st.over {
		return
	}
	s.release(st.worker)
	s.mu.Lock()
	isIt := func(other *strand) bool { return other == st }
	s.strands = slices.DeleteFunc(s.strands, isIt)
	s.awake = slices.DeleteFunc(s.awake, isIt)
	s.mu.Unlock()
}

// wait waits, on a strand until the scheduler finds that it is over, elsewhere by
// going on with the simulation.
func (s *Sim) wait(w waiting) {
	st := s.current
	if st == nil {
		s.drive(w)
		return
	}
	if s.killing {
		runtime.Goexit()
	}
	w.seen = s.turns
	st.waits, st.vain = w, 0
	st.worker.yield(struct{}{})
	if s.killing {
		runtime.Goexit()
	}
}

// drive goes on with the simulation until there is nothing more to wait for.
func (s *Sim) drive(w waiting) {
	w.seen = s.turns
	for {
		s.mu.Lock()
		over := w.isOver(s)
		s.mu.Unlock()
		if over {
			return
		}
		if !s.Step() && !s.elapse(w.until) {
			panic("servertest: deadlock: nothing is left to do, and nothing to wait for")
		}
	}
}

// kill ends the strands that have not ended by themselves, and the workers.
func (s *Sim) kill() {
	s.killing = true
	for len(s.strands) > 0 {
		if st := s.strands[0]; st.worker == nil {
			st.work = func() {} // it need not begin
		}
		s.run(s.strands[0])
	}
	for _, w := range s.workers {
		w.stop()
	}
}

// Sleep waits until some simulated time has passed. On the loop it holds up the loop,
// as time.Sleep would. With conn.Adaptive the callback loses the loop.
func (s *Sim) Sleep(d time.Duration) {
	loop.OnLoop() // takes it from the callback
	s.mu.Lock()
	until := s.now.Add(d)
	s.mu.Unlock()
	s.wait(waiting{until: until})
}

// WaitFor waits until f is true. From a callback on a goroutine it takes the place of
// channels and locks, which would stop the simulation. f is called often, must not
// block, and must not use the server; it may look at the Sim and its clients. To wait no
// longer than some time, f looks at the Err of a context that [Sim.Context] has made
// before: time moves to the end of that, but not to a time that f compares with Now.
func (s *Sim) WaitFor(f func() bool) {
	loop.OnLoop()
	s.wait(waiting{asks: f})
}
