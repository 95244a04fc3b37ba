package loop

import "time"

const (
	// lifetimeJitter is the part of MaxLifetime that is left to chance.
	lifetimeJitter = 10
	// CutPatience is how long AwaitCut waits. It does not wait for a loop that a callback
	// holds, which heldLooks looks must show, heldPace apart.
	CutPatience = time.Second
	heldLooks   = 4
	heldPace    = 5 * time.Millisecond
	// EventsAtOnce is how many ready connections one turn serves.
	EventsAtOnce = 256
	// timersAtOnce is how many timers one turn fires. Many connections that were
	// opened at the same moment, or begin to close at the same moment, are late
	// together: those that are busy do not wait for all of them.
	timersAtOnce = 256
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
	// watchdogRest is how many times as long as a look at a stack has taken the watchdog waits
	// before the next one. A look stops the world, and takes longer the more goroutines there
	// are. The watchdog waits for watchdogRestMost at most.
	watchdogRest     = 20
	watchdogRestMost = 500 * time.Millisecond
	// stacksFirst and stacksMost bound the memory, in bytes, in which a loop's stack
	// is looked for among those of all goroutines.
	stacksFirst = 64 << 10
	stacksMost  = 4 << 20
	// strideMax is how many connections a loop serves at most without looking
	// at the clock.
	strideMax = 16
	// shortPause is how long a loop rests after a turn in which a message had to wait for memory.
	// Others give back what they hold meanwhile.
	shortPause = time.Millisecond
)
