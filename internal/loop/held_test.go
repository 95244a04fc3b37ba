package loop

import (
	"testing"
	"time"
)

// A loop that does not get on is held by what is on its stack only if looks that come in time
// show it there: a watchdog that gets no time is late as well.
func TestHeld_LateLooksShowNothing(t *testing.T) {
	const at = 1000
	looks := func(n int, late bool) (suspect bool) {
		h := heldLoop{at: at}
		for range n {
			suspect = suspect || h.look(at, late)
		}
		return suspect
	}
	if looks(100, true) || looks(heldLooks-1, false) || !looks(heldLooks, false) {
		t.Error("late looks count, or those in time do not")
	}
	h := heldLoop{at: at}
	for i := range int64(100) {
		if h.look(at+i/(heldLooks-1), false) || h.look(asleep, false) || h.look(woken, false) {
			t.Fatal("a loop that gets on, or sleeps, is held")
		}
	}
}

// Nor does the watchdog blame a callback for the time that a process was stopped.
func TestWatchdog_TimeThatTheProcessDidNotHaveIsNoCallbacks(t *testing.T) {
	const at, limit = 1000, 80 * time.Millisecond
	w := newWatchdog(make([]*Loop, 1), &Options{SlowCallback: limit})
	w.sees(0, at, time.Hour)
	if seen := w.sees(0, at, time.Hour); seen > limit-2*w.pace() {
		t.Errorf("a stop of an hour counts as %v", seen)
	}
	for range watchdogLooks {
		w.sees(0, at, w.pace())
	}
	if seen := w.sees(0, at, w.pace()); seen < limit {
		t.Errorf("nine looks in time count as %v", seen)
	}
	if seen := w.sees(0, at+1, w.pace()); seen != 0 {
		t.Errorf("a loop that got on was seen for %v", seen)
	}
}
