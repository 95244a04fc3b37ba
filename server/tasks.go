package server

import (
	"github.com/framerail/framerail/internal/guard"
)

// tasks counts the work beside the loops, so that Shutdown can wait for its end. The zero value is ready. Its
// methods are safe from any goroutine.
type tasks struct {
	mu   guard.LoneMutex
	n    int           // begun and not ended
	wait chan struct{} // closed when n is 0; nil without a waiter
}

// Begin implements phase.Work, as End does.
func (t *tasks) Begin() {
	t.mu.Lock()
	t.n++
	t.mu.Unlock()
}

// End notes that one has ended.
func (t *tasks) End() {
	t.mu.Lock()
	t.n--
	if t.n == 0 && t.wait != nil {
		close(t.wait)
		t.wait = nil
	}
	t.mu.Unlock()
}

// idle is closed once there are none.
func (t *tasks) idle() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == 0 {
		done := make(chan struct{})
		close(done)
		return done
	}
	if t.wait == nil {
		t.wait = make(chan struct{})
	}
	return t.wait
}
