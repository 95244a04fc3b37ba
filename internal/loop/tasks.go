package loop

import "github.com/framerail/framerail/internal/guard"

// Tasks counts what the end of an owner waits for besides its loops: work on goroutines, and connections until
// their close callback has returned. The zero value is ready. All methods are safe from any goroutine.
type Tasks struct {
	mu   guard.LoneMutex
	n    int           // guarded by mu: begun and not ended
	wait chan struct{} // guarded by mu: closed when n is 0; nil without a waiter
}

// Begin notes that one has begun. It implements phase.Work, as End does.
func (t *Tasks) Begin() {
	t.mu.Lock()
	t.n++
	t.mu.Unlock()
}

// End notes that one has ended.
func (t *Tasks) End() {
	t.mu.Lock()
	t.n--
	if t.n == 0 && t.wait != nil {
		close(t.wait)
		t.wait = nil
	}
	t.mu.Unlock()
}

// Idle returns a channel that is closed once there are none.
func (t *Tasks) Idle() <-chan struct{} {
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
