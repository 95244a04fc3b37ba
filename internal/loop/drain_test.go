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
