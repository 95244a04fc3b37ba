//go:build darwin || freebsd || netbsd || openbsd || dragonfly || (linux && kqueue)

package poller

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The two filters of a descriptor are set one after the other. If the second
// cannot be, the first must not be left behind: its events would come with every
// Wait, and nobody would know them. A queue can be read from, not written to.
func TestInterest_that_half_succeeds_is_undone(t *testing.T) {
	p, other := newPoller(t), newPoller(t)
	ours, theirs := tempPair(t)
	must(t, other.Add(ours, Read, 1))
	unix.Write(theirs, []byte("x")) // other's queue can be read from now

	if err := p.Add(other.fd, Read|Write, 2); !errors.Is(err, syscall.EINVAL) {
		t.Fatalf("Add: %v, want EINVAL", err)
	}
	asleep(t, p)
	must(t, p.Add(other.fd, Read, 3))
	expect(t, p, soon(), map[uint64]Interest{3: Read})
	if err := p.Modify(other.fd, Read|Write, 4); !errors.Is(err, syscall.EINVAL) {
		t.Fatalf("Modify: %v, want EINVAL", err)
	}
	expect(t, p, soon(), map[uint64]Interest{3: Read})
	if err := p.Modify(other.fd, Write, 5); !errors.Is(err, syscall.EINVAL) {
		t.Fatalf("Modify: %v, want EINVAL", err)
	}
	expect(t, p, soon(), map[uint64]Interest{3: Read})
}

// asleep fails unless the kernel reports nothing, not even what Wait would drop.
func asleep(t *testing.T, p *Poller) {
	t.Helper()
	raw := make([]rawEvent, 4)
	if n, err := kevent(p.fd, nil, raw, &unix.Timespec{}); n != 0 || err != nil {
		t.Fatalf("%d events, %v: %+v", n, err, raw[:max(n, 0)])
	}
}

// A descriptor that is closed without Remove takes its filters with it, and its
// number comes back with another file.
func TestClosed_descriptor_is_not_reported_under_the_next_one(t *testing.T) {
	p := newPoller(t)
	a, b := pair(t)
	must(t, p.Add(a, Read, 1))
	unix.Write(b, []byte("x"))
	copied, err := unix.Dup(a) // the socket itself goes on
	must(t, err)
	defer unix.Close(copied)
	must(t, unix.Close(a))
	defer unix.Close(b)
	expect(t, p, briefly(), nil)

	again, theirs := tempPair(t)
	if again != a {
		t.Skipf("descriptor %d did not come back", a)
	}
	must(t, p.Add(again, Read, 2))
	expect(t, p, briefly(), nil)
	unix.Write(theirs, []byte("x"))
	expect(t, p, soon(), map[uint64]Interest{2: Read})
}

// Some kernels refuse a long timeout.
func TestDeadline_however_far(t *testing.T) {
	p := newPoller(t)
	timer := time.AfterFunc(20*time.Millisecond, func() { p.Wake() })
	defer timer.Stop()
	if n, err := p.Wait(make([]Event, 1), time.Now().Add(100*365*24*time.Hour)); n != 0 || err != nil {
		t.Fatal(n, err)
	}
}
