//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package poller

import (
	"testing"

	"golang.org/x/sys/unix"
)

// slots is what a caller of Poller keeps: who has which descriptor, each user
// of a slot being a new generation.
type slots struct {
	ours, theirs [8]int
	generation   [8]uint32
}

func (s *slots) token(slot int) uint64 {
	return uint64(s.generation[slot])<<32 | uint64(slot)
}

// find tells the slot of a token, unless its user has gone.
func (s *slots) find(token uint64) (slot int, ok bool) {
	slot = int(uint32(token))
	return slot, s.token(slot) == token
}

func (s *slots) open(t *testing.T, p *Poller, slot int) {
	s.generation[slot]++
	s.ours[slot], s.theirs[slot] = pair(t)
	must(t, p.Add(s.ours[slot], Read, s.token(slot)))
}

func (s *slots) close(t *testing.T, p *Poller, slot int) {
	must(t, p.Remove(s.ours[slot]))
	must(t, unix.Close(s.ours[slot]))
	must(t, unix.Close(s.theirs[slot]))
}

// Acting on one event closes a descriptor whose event is further down the same
// slice, and a new connection gets its number: the event must not reach it.
func TestStale_events_do_not_reach_the_successor(t *testing.T) {
	steps := 100_000
	if testing.Short() {
		steps = 10_000
	}
	p := newPoller(t)
	var s slots
	for slot := range s.ours {
		s.open(t, p, slot)
	}
	events, buf := make([]Event, len(s.ours)), make([]byte, 8)
	stale, reused := 0, 0
	for step := 0; step < steps; {
		for slot := range s.theirs {
			unix.Write(s.theirs[slot], []byte{1})
		}
		n, err := p.Wait(events, soon())
		must(t, err)
		if n == 0 {
			t.Fatal("nothing reported of all that is readable")
		}
		for i, e := range events[:n] {
			step++
			slot, ok := s.find(e.Token)
			if !ok {
				stale++
				continue
			}
			if _, err := unix.Read(s.ours[slot], buf); err != nil {
				t.Fatalf("step %d: an event for a descriptor that has nothing to read: %v", step, err)
			}
			// Replace the descriptors of every other event still to come.
			for _, later := range events[i+1 : n] {
				victim, ok := s.find(later.Token)
				if !ok || victim%2 == slot%2 {
					continue
				}
				was := s.ours[victim]
				s.close(t, p, victim)
				s.open(t, p, victim)
				if s.ours[victim] == was {
					reused++
				}
			}
		}
	}
	for slot := range s.ours {
		s.close(t, p, slot)
	}
	if stale == 0 || reused == 0 {
		t.Fatalf("%d stale events, %d reused numbers: the test has tested nothing", stale, reused)
	}
}

// kqueue's events name the descriptor alone; this is how they get their tokens.
func TestRegistry(t *testing.T) {
	r := registry{7: {token: 1, interest: Read}}
	if e, ok := r.stamp(7, Read); !ok || e != (Event{1, Read}) {
		t.Errorf("registered: %v, %v", e, ok)
	}
	if _, ok := r.stamp(7, Write); ok {
		t.Error("stamped an event nobody asked for")
	}
	if _, ok := r.stamp(8, Read); ok {
		t.Error("stamped an event of a descriptor nobody registered")
	}
	r[7] = registration{token: 2, interest: Read}
	if e, _ := r.stamp(7, Read); e.Token != 2 {
		t.Errorf("reused number has token %d, want 2", e.Token)
	}
}
