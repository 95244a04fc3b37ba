//go:build linux && !race && !kqueue

package poller

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/framerail/framerail/internal/test/allocs"
)

func TestWait_does_not_allocate(t *testing.T) {
	p := newPoller(t)
	a, peer := tempPair(t)
	must(t, p.Add(a, Read, 1))
	events, buf, one := make([]Event, 16), make([]byte, 8), []byte{1}
	p.Wait(events, time.Now())

	for name, f := range map[string]func(){
		"ready": func() {
			unix.Write(peer, one)
			p.Wait(events, time.Time{})
			unix.Read(a, buf)
		},
		"passed_deadline": func() { p.Wait(events, longAgo) },
		"new_deadline":    func() { p.Wait(events, time.Now().Add(50*time.Microsecond)) },
		"wake":            func() { p.Wake(); p.Wait(events, time.Time{}) },
		"modify":          func() { must(t, p.Modify(a, Read|Write, 2)); must(t, p.Modify(a, Read, 1)) },
		"pause":           func() { must(t, p.Modify(a, None, 2)); must(t, p.Modify(a, Read, 1)) },
	} {
		if n := allocs.PerRun(200, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}

	// A wake-up of a loop that is parked, from another goroutine.
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				if p.state.Load() == parked {
					p.Wake()
				}
				time.Sleep(10 * time.Microsecond)
			}
		}
	}()
	if n := allocs.PerRun(200, func() { p.Wait(events, time.Time{}) }); n != 0 {
		t.Errorf("parked: %v allocations", n)
	}
	close(stop)
	<-stopped
}
