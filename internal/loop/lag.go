package loop

import "time"

// Lag has the lengths of a loop's turns. In each turn the loop serves the connections that have become
// ready, and runs their callbacks. A connection that becomes ready meanwhile waits for the end of the
// turn.
type Lag struct {
	// Turns is how many there were, and Total the time they took together.
	Turns uint64
	Total time.Duration
	// Buckets counts turns by length: Buckets[i] those of at most LagBounds()[i] and
	// more than the bound before it, the last one the rest.
	Buckets [len(lagBounds) + 1]uint64
	// Recent is the longest turn of the last 10 to 20 seconds, the one going on
	// included.
	Recent time.Duration
	// SlowCallbacks counts callbacks that held the loop for longer than Options.SlowCallback.
	SlowCallbacks uint64
}

// lagBounds are from less than a network's own delay to what a person notices.
var lagBounds = [...]time.Duration{
	100 * time.Microsecond,
	time.Millisecond,
	5 * time.Millisecond,
	10 * time.Millisecond,
	50 * time.Millisecond,
	100 * time.Millisecond,
	500 * time.Millisecond,
	time.Second,
}

// lagWindow is what "recent" means: a maximum is of the window that is going on and
// the one before.
const lagWindow = 10 * time.Second

// LagBounds are the upper bounds of Lag's buckets but for the last, which has none.
func LagBounds() []time.Duration { return lagBounds[:] }

// note counts a turn that took so long.
func (g *Lag) note(took time.Duration) {
	g.Turns++
	g.Total += took
	i := 0
	for i < len(lagBounds) && took > lagBounds[i] {
		i++
	}
	g.Buckets[i]++
}

// peaks keeps the maximum of the last two windows.
type peaks struct {
	window       time.Duration // the number of the window that current is of
	current, old time.Duration
}

func (p *peaks) note(now, took time.Duration) {
	p.roll(now / lagWindow)
	p.current = max(p.current, took)
}

func (p *peaks) roll(window time.Duration) {
	switch window {
	case p.window:
	case p.window + 1:
		p.old, p.current = p.current, 0
	default:
		p.old, p.current = 0, 0
	}
	p.window = window
}

// at is the maximum as seen at a time that may be long after the last note.
func (p *peaks) at(now time.Duration) time.Duration {
	q := *p
	q.roll(now / lagWindow)
	return max(q.old, q.current)
}
