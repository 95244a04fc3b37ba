package topics

import "time"

// Tests with many nodes do not wait for long.
func init() { firstPause = 2 * time.Millisecond }
