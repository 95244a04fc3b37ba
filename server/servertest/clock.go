package servertest

import (
	"context"
	"sync/atomic"
	"time"
)

// Now is the simulated time. It begins on 1 January 2000.
func (s *Sim) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// alarm is a context that ends at a time.
type alarm struct {
	context.Context
	at   time.Time
	done chan struct{}
	rung atomic.Bool
}

// Context is done after that much simulated time, with context.DeadlineExceeded: for
// Shutdown, whose context should know the simulation's time and not the machine's.
func (s *Sim) Context(d time.Duration) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := &alarm{Context: context.Background(), at: s.now.Add(d), done: make(chan struct{})}
	s.alarms = append(s.alarms, a)
	s.ring()
	return a
}

func (a *alarm) Deadline() (time.Time, bool) { return a.at, true }
func (a *alarm) Done() <-chan struct{}       { return a.done }

func (a *alarm) Err() error {
	if a.rung.Load() {
		return context.DeadlineExceeded
	}
	return nil
}

// ring ends the contexts whose time has come. mu is held.
func (s *Sim) ring() {
	later := s.alarms[:0]
	for _, a := range s.alarms {
		if a.at.After(s.now) {
			later = append(later, a)
			continue
		}
		a.rung.Store(true)
		close(a.done)
	}
	s.alarms = later
}
