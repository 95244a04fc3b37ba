package servertest

import (
	"slices"
	"time"
)

// choice is something that can happen now: a strand that goes on, or bytes of a
// socket that move, up to the server or down to the client.
type choice struct {
	strand *strand
	socket *socket
	up     bool
}

// Step lets one thing happen, and returns false if nothing can before time passes.
func (s *Sim) Step() bool {
	if s.current != nil {
		panic("servertest: a callback cannot go on with the simulation that runs it")
	}
	s.mu.Lock()
	ch, ok := s.choose()
	if !ok {
		s.mu.Unlock()
		return false
	}
	s.steps++
	if st := ch.strand; st != nil {
		s.note(actRun, st.id, 0)
		if !st.waits.change {
			s.turns++
		}
		s.mu.Unlock()
		s.run(st)
		return true
	}
	if ch.up {
		ch.socket.moveUp()
	} else {
		ch.socket.moveDown()
	}
	s.mu.Unlock()
	return true
}

// Steps is how many things have happened so far.
func (s *Sim) Steps() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.steps
}

// choose picks what is to happen. mu is held.
func (s *Sim) choose() (choice, bool) {
	over := func(w *waiting) bool { return w.isOver(s) }
	if s.steps%restingSteps == 0 {
		s.rouse(over)
	}
	s.choices = s.movable(s.runnable(s))
	if len(s.choices) == 0 && s.rouse(over) {
		s.choices = s.runnable(s)
	}
	if len(s.choices) == 0 {
		return choice{}, false
	}
	if s.happens(s.Faults.Spurious) {
		if st := s.sleeper(); st != nil {
			return choice{strand: st}, true
		}
	}
	return s.choices[s.rnd.IntN(len(s.choices))], true
}

// A machine with thousands of clients would look at each of them before each step, in vain. So a strand that
// was looked at for restAfter times rests, until its time comes. The machine looks at all that rest before time passes,
// and once in restingSteps steps.
const (
	restAfter    = 1000
	restingSteps = 64
)

// runnable is the strands that can go on, as far as they do not rest. mu is held.
func (d *schedule) runnable(s *Sim) (choices []choice) {
	choices = d.choices[:0]
	tired := false
	for _, st := range d.awake {
		if st.waits.isOver(s) {
			choices = append(choices, choice{strand: st})
		} else if st.vain++; st.vain >= restAfter && st.waits.mayRest() {
			st.rests, tired = true, true
		}
	}
	if tired {
		d.awake = slices.DeleteFunc(d.awake, func(st *strand) bool { return st.rests })
	}
	return choices
}

// rouse wakes the strands that rest and whose waiting is over. It returns false if there is none. mu is held.
func (d *schedule) rouse(over func(*waiting) bool) (any bool) {
	if len(d.awake) == len(d.strands) {
		return false
	}
	for _, st := range d.strands {
		if st.rests && over(&st.waits) {
			st.rests, st.vain, any = false, 0, true
		}
	}
	if any {
		d.awake = d.awake[:0]
		for _, st := range d.strands {
			if !st.rests {
				d.awake = append(d.awake, st)
			}
		}
	}
	return any
}

// fewAtOnce is how many connections a step looks at without taking out those that are quiet. To take one out and
// enter it again costs more than a look.
const fewAtOnce = 16

// movable adds the bytes that can move. mu is held.
func (d *devices) movable(choices []choice) []choice {
	for _, k := range d.moving {
		if k.canMoveUp() {
			choices = append(choices, choice{socket: k, up: true})
		}
		if k.canMoveDown() {
			choices = append(choices, choice{socket: k})
		}
	}
	if len(d.moving) > fewAtOnce {
		d.moving = slices.DeleteFunc(d.moving, func(k *socket) bool {
			k.isMoving = !k.isQuiet()
			return !k.isMoving
		})
	}
	return choices
}

// sleeper is a loop that waits, whatever for; nil if none was hit on.
func (s *Sim) sleeper() *strand {
	if len(s.strands) == 0 {
		return nil
	}
	st := s.strands[s.rnd.IntN(len(s.strands))]
	if st.waits.poller == nil {
		return nil
	}
	return st
}

// Settle lets things happen until nothing is left to do at this time.
func (s *Sim) Settle() {
	for s.Step() {
	}
}

// Advance lets that much time pass, and everything happen that falls into it.
func (s *Sim) Advance(d time.Duration) {
	end := s.now.Add(d)
	for s.Step() || s.elapse(end) {
	}
	s.setNow(end)
	s.Settle()
}

// RunUntil lets things happen, and time pass, until f is true, which it returns; or
// false once that much time has passed without it, or nothing will ever happen again.
func (s *Sim) RunUntil(within time.Duration, f func() bool) bool {
	end := s.now.Add(within)
	for !f() {
		if !s.Step() && !s.elapse(end) {
			return false
		}
	}
	return true
}

// elapse moves time to the next moment at which something can happen, or to end if
// that is earlier and not zero. It returns false if there is none up to end.
func (s *Sim) elapse(end time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	var next time.Time
	sooner := func(t time.Time) {
		if t.After(s.now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for _, st := range s.strands {
		sooner(st.waits.until)
	}
	for _, k := range s.sockets {
		sooner(k.stalled)
	}
	for _, a := range s.alarms {
		sooner(a.at)
	}
	if !end.IsZero() && (next.IsZero() || next.After(end)) {
		if !end.After(s.now) {
			return false
		}
		next = end
	}
	if next.IsZero() {
		return false
	}
	s.setNowLocked(next)
	return true
}

func (s *Sim) setNow(t time.Time) {
	s.mu.Lock()
	if t.After(s.now) {
		s.setNowLocked(t)
	}
	s.mu.Unlock()
}

func (s *Sim) setNowLocked(t time.Time) {
	s.note(actTime, int(t.Sub(birthday)), 0)
	s.now = t
	s.ring()
	s.rouse(func(w *waiting) bool { return w.isLate(t) })
}
