package server

import (
	"time"

	"github.com/framerail/framerail/internal/loop"
)

// Lag has the lengths of a loop's turns. In each turn the loop serves the connections that have become
// ready, and runs their callbacks. A connection that becomes ready meanwhile waits for the end of the
// turn.
type Lag struct {
	// Turns is the number of turns, and Total the time that they took together.
	Turns uint64
	Total time.Duration
	// Buckets counts turns by length. Buckets[i] counts turns of at most LagBounds()[i] and more than
	// the bound before it. The last one counts the rest.
	Buckets [9]uint64
	// Recent is the longest turn of the last 10 to 20 seconds, including the current one.
	Recent time.Duration
	// SlowCallbacks counts callbacks that held the loop for longer than Server.SlowCallback.
	SlowCallbacks uint64
}

// LagBounds returns the upper bounds of Lag's buckets. The last bucket has none.
func LagBounds() []time.Duration { return loop.LagBounds() }
