package loop

import "testing"

// Idle is closed while there are none, and for those that wait once the last one has ended.
func TestTasks(t *testing.T) {
	var tasks Tasks
	isIdle := func(c <-chan struct{}) bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
	if !isIdle(tasks.Idle()) {
		t.Error("none has begun, and it is not idle")
	}
	for range 2 { // it may be waited for again
		tasks.Begin()
		tasks.Begin()
		one, other := tasks.Idle(), tasks.Idle()
		tasks.End()
		if isIdle(one) || isIdle(other) {
			t.Error("idle, and one has not ended")
		}
		tasks.End()
		if !isIdle(one) || !isIdle(other) || !isIdle(tasks.Idle()) {
			t.Error("all have ended, and it is not idle")
		}
	}
}
