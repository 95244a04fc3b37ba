package server

import (
	"time"

	"github.com/framerail/framerail/internal/loop"
)

// Lag is how long the turns of a loop take: in each it serves the connections that
// have become ready and runs their callbacks, and whoever becomes ready meanwhile
// waits for its end.
type Lag struct {
	// Turns is how many there were, and Total the time they took together.
	Turns uint64
	Total time.Duration
	// Buckets counts turns by length: Buckets[i] those of at most LagBounds()[i] and
	// more than the bound before it, the last one the rest.
	Buckets [9]uint64
	// Recent is the longest turn of the last 10 to 20 seconds, the one going on
	// included.
	Recent time.Duration
	// SlowCallbacks counts callbacks that held the loop for longer than Server.SlowCallback.
	SlowCallbacks uint64
}

// LagBounds are the upper bounds of Lag's buckets but for the last, which has none.
func LagBounds() []time.Duration { return loop.LagBounds() }
