package loop

import (
	"testing"
	"time"
)

// A callback that ends its goroutine has the loop carry the command out again, but the window does not begin again.
func TestDrain_AWindowBeginsOnce(t *testing.T) {
	l := unserved(0, time.Second)
	l.inbox.draining = Draining{Window: time.Minute}
	for _, now := range []time.Duration{0, 20 * time.Second, 2 * time.Minute} {
		l.conns.Now = now
		l.beginDrain()
		if l.windowEnds != time.Minute {
			t.Errorf("after %v it ends at %v", now, l.windowEnds)
		}
	}
}

// A client that opens within the window leaves at a time of its own in what is left of that, and not with all the others.
func TestDrain_ALateClientLeavesInWhatIsLeftOfTheWindow(t *testing.T) {
	const window, now, clients = time.Minute, 40 * time.Second, 200
	l := unserved(0, time.Second)
	l.inbox.draining = Draining{Window: window}
	l.beginDrain()
	l.commands.applied = Drain
	l.conns.Now = now
	var early, late int
	for range clients {
		cl := seated(l)
		cl.Enter(Open)
		l.drain(cl)
		left := l.Left(cl)
		if left < 0 || left > window-now+l.step(cl) {
			t.Fatalf("it leaves after %v of %v", left, window-now)
		}
		if left < (window-now)/2 {
			early++
		} else {
			late++
		}
	}
	if early == 0 || late == 0 {
		t.Errorf("%d leave in the first half of what is left, and %d in the second", early, late)
	}
}
