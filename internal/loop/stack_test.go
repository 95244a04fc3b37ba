package loop

import (
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/stacktrace"
)

func TestStackOf_FindsAGoroutine(t *testing.T) {
	id, release := make(chan int64), make(chan struct{})
	go func() {
		id <- stacktrace.Number()
		holdTheLoop(release)
	}()
	defer close(release)
	n := <-id
	eventually(t, "it to be held", func() bool {
		stack, found := stackOf(n)
		return found && strings.Contains(stack, "holdTheLoop") && !new(Options).inCallback(stack)
	})
	if stack, found := stackOf(-1); found {
		t.Error("found a goroutine that is not there:", stack)
	}
}

func TestLag_BucketsAndPeaks(t *testing.T) {
	var g Lag
	for _, took := range []time.Duration{0, lagBounds[0], lagBounds[0] + 1, time.Hour} {
		g.note(took)
	}
	if want := (Lag{Turns: 4, Total: time.Hour + 2*lagBounds[0] + 1, Buckets: [len(g.Buckets)]uint64{0: 2, 1: 1, len(lagBounds): 1}}); g != want {
		t.Errorf("%+v, want %+v", g, want)
	}
	var p peaks
	p.note(time.Second, 5)
	p.note(2*time.Second, 3)
	for _, test := range []struct{ at, want time.Duration }{
		{2 * time.Second, 5}, {11 * time.Second, 5}, {19 * time.Second, 5}, {20 * time.Second, 0},
	} {
		if got := p.at(test.at); got != test.want {
			t.Errorf("at %v: %d, want %d", test.at, got, test.want)
		}
	}
}

// holdTheLoop is on the stack while release is open.
func holdTheLoop(release <-chan struct{}) { <-release }
