package server

import (
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/handshake"
)

// Defaults. A zero in [Limits] means the default beside it here.
const (
	DefaultMaxMessageSize = conn.DefaultMaxMessageSize
	DefaultMaxFragments   = conn.DefaultMaxFragments
	DefaultMaxPending     = conn.DefaultMaxPending
	DefaultQueueMessages  = conn.DefaultQueueMessages
	DefaultQueueBytes     = conn.DefaultQueueBytes
	DefaultIdleTimeout    = conn.DefaultIdleTimeout
	DefaultWriteTimeout   = conn.DefaultWriteTimeout
	DefaultCloseTimeout   = conn.DefaultCloseTimeout

	// DefaultHandshakeTimeout is the time a client has for its whole request:
	// ample for a phone far away, short for one who sends a byte a second.
	DefaultHandshakeTimeout = 5 * time.Second
	// DefaultSlowCallback is a delay that people notice.
	DefaultSlowCallback = 100 * time.Millisecond
	// DefaultMaxHandshakeBytes and DefaultMaxHandshakeHeaders bound the request's head.
	// Browsers send about 1,000 bytes in 12 to 20 lines, and cookies.
	DefaultMaxHandshakeBytes   = handshake.MaxHeadBytes
	DefaultMaxHandshakeHeaders = handshake.MaxHeaders

	DefaultMessagesPerSecond      = conn.DefaultMessagesPerSecond
	DefaultControlFramesPerSecond = conn.DefaultControlFramesPerSecond
)

// Limits bound what a client may use of a server. Every zero means the default beside
// it.
type Limits struct {
	// MaxMessageSize bounds a message received, in bytes over all its fragments.
	// Beyond it the connection closes with 1009. 0: 256 KiB.
	MaxMessageSize int64
	// MaxFragments bounds the fragments of a message received. Beyond it the
	// connection closes with 1008. 0: 131,072.
	MaxFragments int
	// MessagesPerSecond and ControlFramesPerSecond bound what one connection sends,
	// pings and pongs being the control frames. Ten seconds' worth may come at once;
	// beyond that the connection closes with 1008. 0: 100,000, and 100. Negative: no
	// limit. More than 4,000 control frames count as 4,000; a program that sends pings
	// must allow their pongs.
	MessagesPerSecond      int
	ControlFramesPerSecond int

	// MaxPending bounds the bytes of frames that wait for one client. Beyond it,
	// Server.Overflow says what happens. 0: 1 MiB.
	MaxPending int
	// QueueMessages and QueueBytes bound what waits for callbacks on goroutines, for
	// each connection; beyond either its socket is not read. 0: 64, and 64 KiB.
	QueueMessages int
	QueueBytes    int

	// MaxHandshakeBytes and MaxHandshakeHeaders bound the head of a request and the
	// field lines in it; beyond either it gets 431. 0: 8 KiB, and 100. More than 1 MiB
	// counts as 1 MiB.
	MaxHandshakeBytes   int
	MaxHandshakeHeaders int
	// HandshakeTimeout is the time from accepting a connection to the end of its
	// request; then it gets 408. 0: 5 s.
	HandshakeTimeout time.Duration
	// IdleTimeout ends connections whose peer sends nothing for it, not even the
	// answer to the ping that goes out half-way. 0: 120 s. Negative: never.
	IdleTimeout time.Duration
	// WriteTimeout cuts connections whose socket takes not a single byte for it while
	// some are pending. 0: 30 s. Negative: never.
	WriteTimeout time.Duration
	// CloseTimeout bounds the closing handshake (RFC 6455 7.1.1); then the connection
	// is cut. 0: 5 s.
	CloseTimeout time.Duration
}

const (
	// lingerTimeout is how long a refused client may take to read its answer
	// before the socket is closed under it.
	lingerTimeout = 2 * time.Second
	// drainGrace is how long a client that was accepted has for its request once
	// the server drains: some round trips to a phone. Beyond it, it gets 503.
	drainGrace = 2 * time.Second
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
	// timersAtOnce is how many timers one turn fires. Many connections that were
	// opened at the same moment, or begin to close at the same moment, are late
	// together: those that are busy do not wait for all of them.
	timersAtOnce = 256
	// scratchSize is a loop's buffer for handshakes in bytes: the longest head by
	// default, and the first frames behind it. A longer head comes in pieces.
	scratchSize = 2 * DefaultMaxHandshakeBytes
	// yieldAfter is how long a busy loop keeps its thread to itself before it lets
	// goroutines run that wait for one.
	yieldAfter = 50 * time.Microsecond
	// watchdogLooks is how often the watchdog looks within its limit, and watchdogPace
	// how far apart these looks are at least.
	watchdogLooks = 8
	watchdogPace  = 5 * time.Millisecond
	// watchdogLogEvery keeps a program whose callbacks are always slow from flooding
	// the log with stacks.
	watchdogLogEvery = time.Second
	// watchdogRest is how many times as long as it took to look at a stack the
	// watchdog waits until it looks at another: that stops the world, for longer the
	// more goroutines there are. It waits for watchdogRestMost at most.
	watchdogRest     = 20
	watchdogRestMost = 500 * time.Millisecond
	// stacksFirst and stacksMost bound the memory, in bytes, in which a loop's stack
	// is looked for among those of all goroutines.
	stacksFirst = 64 << 10
	stacksMost  = 4 << 20
	// strideMax is how many connections a loop serves at most without looking
	// at the clock.
	strideMax = 16
)
