package socket

import "time"

// The options of probing are the machine's here.
const (
	keepIdle     = 0
	keepInterval = 0
	keepCount    = 0
	keepUnit     = time.Second
)
