//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package poller

import (
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A loop that Wait tells of nothing lets the timers of that deadline fire, and they
// end connections that have been silent. What has arrived before the deadline must
// be told first, however late the goroutine comes to run: here it shares a
// processor with another that does not let go of it until the deadline has passed.
func TestDeadline_tells_first_what_arrived_before_it(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	p := newPoller(t)
	ours, theirs := tempPair(t)
	must(t, p.Add(ours, Read, 1))
	events, buf := make([]Event, 4), make([]byte, 8)
	for range 50 {
		deadline := time.Now().Add(4 * time.Millisecond)
		arrived := make(chan time.Time, 1)
		go func() {
			for p.state.Load() != parked && time.Now().Before(deadline) {
				runtime.Gosched()
			}
			unix.Write(theirs, []byte("x"))
			arrived <- time.Now()
			for time.Now().Before(deadline.Add(time.Millisecond)) {
			}
		}()
		n, err := 0, error(nil)
		for n == 0 && time.Now().Before(deadline) {
			n, err = p.Wait(events, deadline)
			must(t, err)
		}
		if at := <-arrived; n == 0 && at.Before(deadline) {
			t.Fatalf("Wait told nothing at the deadline of what arrived %v before it", deadline.Sub(at))
		}
		unix.Read(ours, buf)
	}
}
