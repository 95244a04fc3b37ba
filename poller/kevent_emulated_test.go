//go:build linux && kqueue

package poller

import (
	"testing"
	"time"

	"github.com/framerail/framerail/internal/kqueue"
	"golang.org/x/sys/unix"
)

// A kernel that has waited for the whole timeout answers so, and does not look
// again for what became ready meanwhile. A process that is stopped then finds both.
func TestDeadline_of_the_kernel_tells_first_what_arrived(t *testing.T) {
	p := newPoller(t)
	ours, theirs := tempPair(t)
	must(t, p.Add(ours, Read, 1))
	deadline := time.Now().Add(20 * time.Millisecond)
	arrives := func() {
		if time.Until(deadline) <= 0 {
			unix.Write(theirs, []byte("x"))
		}
	}
	kqueue.TimedOut.Store(&arrives)
	defer kqueue.TimedOut.Store(nil)
	events := make([]Event, 4)
	for n := 0; n == 0; {
		var err error
		n, err = p.Wait(events, deadline)
		must(t, err)
		if n == 0 && time.Until(deadline) < 0 {
			t.Fatal("Wait told nothing at the deadline of what had arrived")
		}
	}
}
