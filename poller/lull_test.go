//go:build linux && !kqueue

package poller

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// After a Wait that has parked the next one does not look before it parks. All that it may find there
// it finds as well.
func TestLull(t *testing.T) {
	p := newPoller(t)
	ours, theirs := tempPair(t)
	must(t, p.Add(ours, Read, 1))
	buf := make([]byte, 8)
	lull := func() {
		t.Helper()
		unix.Read(ours, buf)
		expect(t, p, briefly(), nil)
		if !p.lull {
			t.Fatal("it has not parked")
		}
	}

	lull()
	unix.Write(theirs, []byte("x")) // it finds this at its first look, so that it does not park
	expect(t, p, soon(), map[uint64]Interest{1: Read})
	if p.lull || p.looks != 1 {
		t.Errorf("%d looks", p.looks)
	}

	lull()
	unix.Write(theirs, []byte("x")) // this, too, although the deadline has passed
	expect(t, p, time.Now().Add(-time.Second), map[uint64]Interest{1: Read})

	lull()
	must(t, p.Wake())
	expect(t, p, time.Time{}, nil)

	lull()
	time.AfterFunc(time.Millisecond, func() { unix.Write(theirs, []byte("x")) })
	expect(t, p, soon(), map[uint64]Interest{1: Read})
}
