//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package poller

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const high = uint64(0x89abcdef_fedcba98) // both halves with their top bits set

func TestWait(t *testing.T) {
	t.Run("reports_only_what_is_of_interest", func(t *testing.T) {
		p := newPoller(t)
		a, peer := tempPair(t)
		b, _ := tempPair(t)
		must(t, p.Add(a, Read, high))
		must(t, p.Add(b, Read, 2))
		expect(t, p, briefly(), nil) // both are writable
		unix.Write(peer, []byte("x"))
		expect(t, p, soon(), map[uint64]Interest{high: Read})
	})
	t.Run("is_level_triggered", func(t *testing.T) {
		p := newPoller(t)
		a, peer := tempPair(t)
		must(t, p.Add(a, Read, high))
		unix.Write(peer, []byte("x"))
		for range 3 {
			expect(t, p, soon(), map[uint64]Interest{high: Read})
		}
		unix.Read(a, make([]byte, 8))
		expect(t, p, briefly(), nil)
	})
	t.Run("returns_the_rest_when_the_slice_is_short", func(t *testing.T) {
		p := newPoller(t)
		fds := make(map[uint64]int)
		for token := range uint64(5) {
			fd, _ := tempPair(t)
			fds[token] = fd
			must(t, p.Add(fd, Write, token))
		}
		events := make([]Event, 2)
		for len(fds) > 0 {
			n, err := p.Wait(events, soon())
			must(t, err)
			if n == 0 {
				t.Fatalf("%d ready descriptors were never reported", len(fds))
			}
			for _, e := range events[:n] {
				must(t, p.Remove(fds[e.Token]))
				delete(fds, e.Token)
			}
		}
	})
	t.Run("refuses_an_empty_slice", func(t *testing.T) {
		if _, err := newPoller(t).Wait(nil, briefly()); err == nil {
			t.Fatal("no error")
		}
	})
}

func TestModify(t *testing.T) {
	p := newPoller(t)
	a, peer := tempPair(t)
	must(t, p.Add(a, Read, 1))
	for _, step := range []struct {
		interest Interest
		token    uint64
		want     map[uint64]Interest
	}{
		{Write, 2, map[uint64]Interest{2: Write}},
		{Read, 3, nil},
		{Read | Write, 4, map[uint64]Interest{4: Write}},
		{None, 5, nil},
		{None, 6, nil},
		{Write, 7, map[uint64]Interest{7: Write}},
		{None, 8, nil},
		{Read, 9, nil},
	} {
		must(t, p.Modify(a, step.interest, step.token))
		deadline := soon()
		if step.want == nil {
			deadline = briefly()
		}
		expect(t, p, deadline, step.want)
	}
	unix.Write(peer, []byte("x"))
	expect(t, p, soon(), map[uint64]Interest{9: Read})
	must(t, p.Modify(a, Read|Write, 10))
	expect(t, p, soon(), map[uint64]Interest{10: Read | Write})
}

func TestModify_fails_for_what_is_not_watched(t *testing.T) {
	p := newPoller(t)
	a, _ := tempPair(t)
	if err := p.Modify(a, Read, 1); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("to Read: %v, want ENOENT", err)
	}
	if err := p.Modify(a, None, 1); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("to None: %v, want ENOENT", err)
	}
	if err := p.Remove(a); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("Remove: %v, want ENOENT", err)
	}
}

func TestRemove(t *testing.T) {
	for _, interest := range []Interest{Read, Write, Read | Write, None} {
		p := newPoller(t)
		a, peer := tempPair(t)
		unix.Write(peer, []byte("x"))
		must(t, p.Add(a, interest, 1))
		must(t, p.Remove(a))
		expect(t, p, briefly(), nil)
		must(t, p.Add(a, Read, 2))
		expect(t, p, soon(), map[uint64]Interest{2: Read})
	}
}

// A level-triggered hang-up on a paused connection would come with every Wait.
func TestNone_is_silent_when_the_peer_resets(t *testing.T) {
	for name, pause := range map[string]func(p *Poller, fd int) error{
		"added_paused": func(p *Poller, fd int) error { return p.Add(fd, None, 1) },
		"paused_later": func(p *Poller, fd int) error {
			return errors.Join(p.Add(fd, Read|Write, 1), p.Modify(fd, None, 1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPoller(t)
			ours, theirs := tcpPair(t)
			must(t, pause(p, ours))
			reset(t, theirs)
			expect(t, p, briefly(), nil)

			must(t, p.Modify(ours, Read, 2))
			expect(t, p, soon(), map[uint64]Interest{2: Read})
			if _, err := unix.Read(ours, make([]byte, 8)); err != unix.ECONNRESET {
				t.Errorf("read after the event: %v, want ECONNRESET", err)
			}
		})
	}
}

// The read or write that follows must tell the error, so it has to be one the
// caller asked for.
func TestReset_is_reported_as_the_interest(t *testing.T) {
	for _, interest := range []Interest{Read, Write, Read | Write} {
		p := newPoller(t)
		ours, theirs := tcpPair(t)
		must(t, p.Add(ours, Read, 1))
		reset(t, theirs)
		expect(t, p, soon(), map[uint64]Interest{1: Read}) // the reset is there
		must(t, p.Modify(ours, interest, 2))
		expect(t, p, soon(), map[uint64]Interest{2: interest})
	}
}

func TestEndOfFile_is_reported_for_reading(t *testing.T) {
	p := newPoller(t)
	a, peer := tempPair(t)
	must(t, p.Add(a, Read, 1))
	must(t, unix.Shutdown(peer, unix.SHUT_WR))
	expect(t, p, soon(), map[uint64]Interest{1: Read})
	must(t, p.Modify(a, None, 1))
	expect(t, p, briefly(), nil)
}

// The end of a pipe that has lost its other end reports a hang-up alone.
func TestPipe_hang_up_is_reported(t *testing.T) {
	p := newPoller(t)
	var ends [2]int
	must(t, unix.Pipe(ends[:]))
	must(t, p.Add(ends[0], Read, 1))
	unix.Close(ends[1])
	if got := collect(t, p, soon()); got[1]&Read == 0 {
		t.Errorf("got %v, want Read", got)
	}
	must(t, p.Remove(ends[0]))
	unix.Close(ends[0])
}

func TestDeadline(t *testing.T) {
	events := make([]Event, 4)
	t.Run("passed_returns_at_once_what_is_ready", func(t *testing.T) {
		p := newPoller(t)
		a, peer := tempPair(t)
		must(t, p.Add(a, Read, 1))
		past := time.Now().Add(-time.Second)
		for range 3 {
			if n, err := p.Wait(events, past); n != 0 || err != nil {
				t.Fatalf("nothing ready: %d, %v", n, err)
			}
		}
		unix.Write(peer, []byte("x"))
		for range 3 {
			if n, err := p.Wait(events, past); n != 1 || err != nil {
				t.Fatalf("one ready: %d, %v", n, err)
			}
		}
	})
	t.Run("does_not_come_early_nor_never", func(t *testing.T) {
		p := newPoller(t)
		for range 3 {
			deadline := time.Now().Add(5 * time.Millisecond)
			for time.Now().Before(deadline) { // a lost deadline hangs here
				if n, err := p.Wait(events, deadline); n != 0 || err != nil {
					t.Fatal(n, err)
				}
			}
		}
	})
	// One early return is allowed, a stream of them is a busy loop.
	t.Run("is_slept_until_whatever_came_before", func(t *testing.T) {
		p := newPoller(t)
		for name, before := range map[string]time.Time{
			"none": {}, "passed": time.Now().Add(-time.Hour), "later": time.Now().Add(time.Hour),
		} {
			if name != "passed" {
				must(t, p.Wake())
			}
			p.Wait(events, before)
			deadline, waits := time.Now().Add(30*time.Millisecond), 0
			for time.Now().Before(deadline) {
				p.Wait(events, deadline)
				waits++
			}
			if waits > 3 {
				t.Errorf("after %s: %d waits for one deadline", name, waits)
			}
		}
	})
	t.Run("zero_after_a_deadline_waits_for_events", func(t *testing.T) {
		p := newPoller(t)
		a, peer := tempPair(t)
		must(t, p.Add(a, Read, 1))
		p.Wait(events, time.Now().Add(time.Millisecond))
		timer := time.AfterFunc(30*time.Millisecond, func() { unix.Write(peer, []byte("x")) })
		defer timer.Stop()
		waits := 0
		for n := 0; n == 0; waits++ {
			var err error
			n, err = p.Wait(events, time.Time{})
			must(t, err)
		}
		if waits > 3 {
			t.Errorf("%d waits for one event: the passed deadline was kept", waits)
		}
	})
}

// The netpoller is told of readiness by edges. One that is lost leaves a byte
// unread and the loop parked for good.
func TestEdges_are_never_lost(t *testing.T) {
	const sockets, bytes = 8, 3000
	p := newPoller(t)
	var fds [sockets]int
	var echoes [sockets]chan struct{}
	var writers sync.WaitGroup
	for i := range sockets {
		ours, theirs := tempPair(t)
		fds[i], echoes[i] = ours, make(chan struct{}, 1)
		must(t, p.Add(ours, Read, uint64(i)))
		writers.Go(func() {
			for sent := range bytes {
				unix.Write(theirs, []byte{1})
				if sent%4 == i%4 { // sometimes wait for the loop to go idle
					<-echoes[i]
				}
			}
		})
	}
	events, buf := make([]Event, 3), make([]byte, 64)
	for got := 0; got < sockets*bytes; {
		n, err := p.Wait(events, time.Time{})
		must(t, err)
		for _, e := range events[:n] {
			r, err := unix.Read(fds[e.Token], buf)
			if err != nil {
				t.Fatalf("reported as readable: %v", err)
			}
			got += r
			select {
			case echoes[e.Token] <- struct{}{}:
			default:
			}
		}
	}
	for i := range echoes {
		close(echoes[i])
	}
	writers.Wait()
}

func TestNew_out_of_descriptors(t *testing.T) {
	var limit unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	low := limit
	low.Cur = 3 // standard input, output and error
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &low))
	p, err := New()
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
	if !errors.Is(err, syscall.EMFILE) || p != nil {
		t.Fatalf("%v, %v, want EMFILE", p, err)
	}
}

func TestAdd_refuses_a_closed_descriptor(t *testing.T) {
	p := newPoller(t)
	a, b := pair(t)
	unix.Close(a)
	unix.Close(b)
	if err := p.Add(a, Read, 1); !errors.Is(err, syscall.EBADF) {
		t.Fatalf("%v, want EBADF", err)
	}
}

func TestClose(t *testing.T) {
	t.Run("gives_back_its_descriptors", func(t *testing.T) {
		a, _ := tempPair(t)
		before := countDescriptors()
		p, err := New()
		must(t, err)
		must(t, p.Add(a, Read, 1))
		p.Wait(make([]Event, 1), briefly())
		must(t, p.Wake())
		must(t, p.Close())
		if after := countDescriptors(); after > before {
			t.Errorf("%d descriptors before, %d after", before, after)
		}
		if err := p.Close(); !errors.Is(err, os.ErrClosed) {
			t.Errorf("second Close: %v, want os.ErrClosed", err)
		}
	})
	// Wakers may come late; none may reach a descriptor that is no longer ours.
	t.Run("while_others_wake", func(t *testing.T) {
		for range 100 {
			p, err := New()
			must(t, err)
			var wakers sync.WaitGroup
			for range 4 {
				wakers.Go(func() {
					for p.Wake() == nil {
						runtime.Gosched()
					}
				})
			}
			events := make([]Event, 1)
			for range 10 {
				_, err := p.Wait(events, time.Time{})
				must(t, err)
			}
			must(t, p.Close())
			wakers.Wait()
		}
	})
}
