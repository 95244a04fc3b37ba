//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package poller

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestWake(t *testing.T) {
	events := make([]Event, 4)
	t.Run("before_Wait_ends_the_next_one_only", func(t *testing.T) {
		p := newPoller(t)
		for range 1000 {
			must(t, p.Wake())
		}
		if n, err := p.Wait(events, time.Time{}); n != 0 || err != nil {
			t.Fatal(n, err)
		}
		deadline, waits := time.Now().Add(30*time.Millisecond), 0
		for time.Now().Before(deadline) {
			p.Wait(events, deadline)
			waits++
		}
		if waits > 3 {
			t.Errorf("1000 wake-ups ended %d waits", waits)
		}
	})
	t.Run("ends_a_Wait_that_is_parked", func(t *testing.T) {
		p := newPoller(t)
		for range 100 {
			var called atomic.Bool
			var waker sync.WaitGroup
			waker.Go(func() {
				for p.state.Load() != parked {
					time.Sleep(10 * time.Microsecond)
				}
				called.Store(true)
				p.Wake()
			})
			for !called.Load() { // a wake-up lost hangs here
				if n, err := p.Wait(events, time.Time{}); n != 0 || err != nil {
					t.Fatal(n, err)
				}
			}
			waker.Wait()
		}
	})
	t.Run("hides_no_event", func(t *testing.T) {
		p := newPoller(t)
		a, peer := tempPair(t)
		must(t, p.Add(a, Read, 1))
		unix.Write(peer, []byte("x"))
		must(t, p.Wake())
		if n, err := p.Wait(events, time.Time{}); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	})
	t.Run("after_Close_is_an_error", func(t *testing.T) {
		p := newPoller(t)
		must(t, p.Close())
		if err := p.Wake(); !errors.Is(err, os.ErrClosed) {
			t.Fatal(err)
		}
	})
}

// A wake-up is served once: the deadline it interrupted is slept until.
func TestWake_leaves_the_deadline_as_it_was(t *testing.T) {
	p := newPoller(t)
	events := make([]Event, 4)
	deadline, waits := time.Now().Add(50*time.Millisecond), 0
	var waker sync.WaitGroup
	waker.Go(func() {
		for p.state.Load() != parked && time.Now().Before(deadline) {
			time.Sleep(10 * time.Microsecond)
		}
		p.Wake()
	})
	for time.Now().Before(deadline) {
		if _, err := p.Wait(events, deadline); err != nil {
			t.Fatal(err)
		}
		waits++
	}
	waker.Wait()
	if waits > 4 {
		t.Errorf("%d waits for one wake-up and one deadline", waits)
	}
}

// The moments around parking are short; new deadlines make them longer, and
// delays of all lengths hit each of them.
func TestWake_counts_at_every_moment_of_parking(t *testing.T) {
	const rounds = 20_000
	p := newPoller(t)
	var asked, answered atomic.Int64
	var asker sync.WaitGroup
	asker.Go(func() {
		for i := range int64(rounds) {
			asked.Store(i + 1)
			p.Wake()
			for answered.Load() != i+1 {
				runtime.Gosched()
			}
			for spin := i % 512; spin > 0; spin-- {
				answered.Load()
			}
		}
	})
	events := make([]Event, 4)
	for answered.Load() < rounds {
		deadline := soon()
		if _, err := p.Wait(events, deadline); err != nil {
			t.Fatal(err)
		}
		if !time.Now().Before(deadline) {
			t.Errorf("round %d: the wake-up was lost", asked.Load())
		}
		answered.Store(asked.Load())
	}
	asker.Wait()
}

// A wake-up lost leaves a parcel undelivered and the loop parked for good.
func TestWake_from_many_goroutines_is_never_lost(t *testing.T) {
	const senders, parcels = 8, 5000
	p := newPoller(t)
	var posted atomic.Int64 // the mailbox
	var senderGroup sync.WaitGroup
	for range senders {
		senderGroup.Go(func() {
			for range parcels {
				posted.Add(1)
				if err := p.Wake(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	events := make([]Event, 4)
	for taken := int64(0); taken < senders*parcels; taken += posted.Swap(0) {
		if _, err := p.Wait(events, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	senderGroup.Wait()
}
