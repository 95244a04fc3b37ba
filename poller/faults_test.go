//go:build faults && linux && kqueue

package poller

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/inject"
)

// once has the n-th call at a site fail.
func once(t *testing.T, s inject.Site, n int, errno syscall.Errno) {
	inject.Plan(func(site inject.Site) syscall.Errno {
		if site == s {
			n--
			if n == 0 {
				return errno
			}
		}
		return 0
	})
	t.Cleanup(func() { inject.Plan(nil) })
}

func TestWait_interrupted_at_a_deadline_tells_what_is_ready(t *testing.T) {
	p := newPoller(t)
	a, _ := tempPair(t)
	must(t, p.Add(a, Write, 1))
	events := make([]Event, 4)
	for n := 1; n <= 2; n++ {
		once(t, inject.FilterWait, n, syscall.EINTR)
		if n, err := p.Wait(events, time.Now()); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
}

// Whichever filter it is that fails, and whatever was to be done: the interest that
// was, and nothing else, is reported afterwards.
func TestInterest_is_as_before_after_an_error(t *testing.T) {
	for _, s := range []inject.Site{inject.FilterAdd, inject.FilterDelete} {
		for _, was := range []Interest{Read, Write, Read | Write} {
			for _, to := range []Interest{None, Read, Write, Read | Write} {
				for n := 1; n <= 2; n++ {
					p := newPoller(t)
					a, theirs := tempPair(t)
					syscall.Write(theirs, []byte("x"))
					must(t, p.Add(a, was, 1))
					once(t, s, n, syscall.ENOMEM)
					err := p.Modify(a, to, 2)
					inject.Plan(nil)
					switch {
					case err == nil && to == None:
						asleep(t, p)
					case err == nil:
						expect(t, p, soon(), map[uint64]Interest{2: to})
					case errors.Is(err, syscall.ENOMEM):
						expect(t, p, soon(), map[uint64]Interest{1: was})
						must(t, p.Remove(a))
						asleep(t, p)
					default:
						t.Fatalf("%v, call %d: from %d to %d: %v", s, n, was, to, err)
					}
				}
			}
		}
	}
}
