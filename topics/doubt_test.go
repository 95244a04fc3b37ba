package topics

import (
	"testing"
	"time"
)

// Repeated numbers of several nodes whose last messages were never recorded are gaps each, also if they come in turn.
func TestReceiveLast_OfSeveralNodes(t *testing.T) {
	h := new(Topics)
	l := &link{hub: h}
	of := h.lock("a", false)
	defer of.mu.Unlock()
	a := &across{link: l, recorded: true, synced: true, hearing: hearing{confirmed: true, listening: time.Now()}}
	of.across = a
	a.heard = map[uint64]number{1: {1, 1}, 2: {7, 3}}
	last := func(node uint64, n number) {
		l.receiveLast(of, header{kindLast, node, n})
		a.gaps = 0 // the Recorder has no more
	}
	for range 2 {
		last(1, number{1, 2})
		last(2, number{7, 5})
		last(3, number{4, 9}) // a node of which nothing was heard
	}
	expect(t, "messages that are missing", l.counts.missed.Load(), 1+2)
	expect(t, "gaps", l.counts.gaps.Load(), 4) // two questions, and as many that had no answer
	expect(t, "numbers that are in doubt", len(a.doubts), 0)
	for range 3 {
		last(1, number{1, 2})
		last(2, number{7, 5})
		last(3, number{4, 9})
	}
	expect(t, "gaps", l.counts.gaps.Load(), 4)
	expect(t, "a number that was taken as it is", a.heard[3], number{4, 9})
	a.listening = time.Now().Add(-time.Minute)
	for range 2 {
		last(4, number{4, 9}) // it must have been heard of
	}
	expect(t, "messages that are missing", l.counts.missed.Load(), 1+2+9)
}
