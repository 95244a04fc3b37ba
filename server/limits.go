package server

import (
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/handshake"
)

// Defaults. A zero in [Server] means the default beside it here.
const (
	DefaultMaxMessageSize = conn.DefaultMaxMessageSize
	DefaultMaxFragments   = conn.DefaultMaxFragments
	DefaultMaxPending     = conn.DefaultMaxPending
	DefaultQueueMessages  = conn.DefaultQueueMessages
	DefaultQueueBytes     = conn.DefaultQueueBytes
	DefaultIdleTimeout    = conn.DefaultIdleTimeout
	DefaultCloseTimeout   = conn.DefaultCloseTimeout

	// DefaultHandshakeTimeout is the time a client has for its whole request:
	// ample for a phone far away, short for one who sends a byte a second.
	DefaultHandshakeTimeout = 5 * time.Second
	// MaxHandshakeBytes and MaxHandshakeHeaders bound the request's head.
	MaxHandshakeBytes   = handshake.MaxHeadBytes
	MaxHandshakeHeaders = handshake.MaxHeaders
)

const (
	// lingerTimeout is how long a refused client may take to read its answer
	// before the socket is closed under it.
	lingerTimeout = 2 * time.Second
	// pauseMin and pauseMax bound the back-off of accepting when the system is
	// out of descriptors or memory. New clients wait in the kernel's backlog.
	pauseMin = 5 * time.Millisecond
	pauseMax = 500 * time.Millisecond
	// pauseLogEvery keeps that from flooding the log.
	pauseLogEvery = time.Second
	// cutPatience is how long Shutdown waits, once its context is done, for the
	// loops to cut what is left.
	cutPatience = time.Second
	// eventsAtOnce is how many ready connections one turn serves.
	eventsAtOnce = 256
	// scratchSize is a loop's buffer for handshakes in bytes: the longest head, and
	// the first frames behind it.
	scratchSize = 2 * MaxHandshakeBytes
	// yieldAfter is how long a busy loop keeps its thread to itself before it lets
	// goroutines run that wait for one.
	yieldAfter = 50 * time.Microsecond
	// strideMax is how many connections a loop serves at most without looking
	// at the clock.
	strideMax = 16
)
