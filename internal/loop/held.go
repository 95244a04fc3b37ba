package loop

import (
	"fmt"
	"time"

	"github.com/framerail/framerail/internal/platform"
)

// A loop that makes no progress may be held by a callback. Or the machine gives the process no time. Then the
// running callback is not to blame, and the watching goroutine is late as well.

// heldLoop is a loop that AwaitCut looks at until it has ended or is seen to be held.
type heldLoop struct {
	*Loop
	at    int64 // when it was last seen to get on
	looks int   // one after the other, in time, that found it there
}

// look notes what the loop was found at, and reports whether it may be held. A look that comes late shows
// nothing.
func (h *heldLoop) look(at int64, late bool) (suspect bool) {
	if late || at <= 0 || at != h.at {
		h.at, h.looks = at, 0
		return false
	}
	h.looks++
	return h.looks >= heldLooks
}

// isHeld reports whether a callback is on the loop's stack, and was there at all looks.
func (h *heldLoop) isHeld() bool {
	stack, found := stackOf(h.goroutine.Load())
	h.looks = 0 // to look at a stack costs more
	return found && h.options.inCallback(stack) && h.busy.Load() == h.at
}

// AwaitCut waits until the loops have cut their connections, for CutPatience at most. It does not wait for
// loops that a callback holds. If a loop has not ended, AwaitCut returns an error that says so, and that
// wraps the reason for cutting.
func AwaitCut(system platform.Platform, all []*Loop, reason error) error {
	switch held, late := awaitCut(system, all); {
	case held > 0:
		return fmt.Errorf("framerail: shutdown: a callback holds an event loop: %w", reason)
	case late > 0:
		return fmt.Errorf("framerail: shutdown: an event loop has not come to its end: %w", reason)
	}
	return nil
}

// awaitCut is AwaitCut. It returns how many loops are held, and how many others are late.
func awaitCut(system platform.Platform, all []*Loop) (held, late int) {
	until := system.Now().Add(CutPatience)
	if system.Simulated() { // where callbacks take no time
		for _, l := range all {
			if !system.Await(l.done, nil, until) {
				late++
			}
		}
		return 0, late
	}
	var waiting []*heldLoop
	for _, l := range all {
		waiting = append(waiting, &heldLoop{Loop: l, at: l.busy.Load()})
	}
	for len(waiting) > 0 && time.Now().Before(until) {
		begin := time.Now()
		system.Await(waiting[0].done, nil, begin.Add(heldPace))
		overslept := time.Since(begin) > 2*heldPace
		rest := waiting[:0]
		for _, h := range waiting {
			switch {
			case h.HasEnded():
			case h.look(h.busy.Load(), overslept) && h.isHeld():
				held++
			default:
				rest = append(rest, h)
			}
		}
		waiting = rest
	}
	return held, len(waiting)
}

// HasEnded reports whether the loop serves no more. From any goroutine.
func (l *Loop) HasEnded() bool {
	select {
	case <-l.done:
		return true
	default:
		return false
	}
}
