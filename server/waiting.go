package server

import (
	"sync"
	"time"
)

// waiting is accepted connections that wait for HandshakesPerSecond. The system's own
// backlog is one line for all: there an address that dials without end makes every other
// one wait behind it. So connections are accepted at once, and wait here in a line for each
// address; the addresses take turns. Connections that are closed by then cost nothing.
type waiting struct {
	run  *running
	rate pacer
	most int

	mu      sync.Mutex
	lines   map[addressKey]*waitingLine // those that are not empty
	turns   []*waitingLine              // the same, in the order of their turns
	longest *waitingLine                // about; nil for none
	n       int                         // in all lines
	serving bool                        // a goroutine lets them in, one by one
	over    bool                        // nobody waits any more: the server ends
}

// waitingLine is the connections of one address that wait.
type waitingLine struct {
	key      addressKey
	arrivals []arrival
}

const (
	// waitingMin and waitingMost bound how many connections wait for HandshakesPerSecond:
	// as many as get their turn within HandshakeTimeout, but not less than a backlog has.
	waitingMin  = 1 << 10
	waitingMost = 16 << 10
	// overPerSecond is the part of HandshakesPerSecond, at least overPerSecondMin, that are
	// told that they are too many; others are closed.
	overPerSecond    = 10
	overPerSecondMin = 100
)

func (w *waiting) init(r *running, perSecond int) {
	w.run = r
	w.rate.init(perSecond)
	w.most = int(min(max(time.Duration(perSecond)*r.handshakeTimeout/time.Second, waitingMin), waitingMost))
	w.lines = make(map[addressKey]*waitingLine)
}

// enter has a loop take a connection, at once if the rate allows it. The connection's place
// is counted.
func (w *waiting) enter(a arrival) {
	now := w.run.kernel.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.over:
		w.run.leastLoaded().deliver(a)
	case w.n > 0:
		w.add(a)
	case w.rate.low(now) && a.isGone():
		w.run.turnDown(a, ReasonLeft)
	case w.rate.take(now):
		w.run.leastLoaded().deliver(a)
	default:
		w.add(a)
	}
}

// add puts a connection at the end of its address's line. If too many wait, the last one of
// the longest line is closed for it. mu is held.
func (w *waiting) add(a arrival) {
	key := keyOf(a.remote.Addr())
	line := w.lines[key]
	if line == nil {
		line = &waitingLine{key: key}
		w.lines[key] = line
		w.turns = append(w.turns, line)
	}
	line.arrivals = append(line.arrivals, a)
	w.n++
	w.run.paced.Add(1)
	if w.longest == nil || len(line.arrivals) > len(w.longest.arrivals) {
		w.longest = line
	}
	if w.n > w.most {
		w.run.turnDown(w.takeLast(), ReasonRate)
	}
	if !w.serving {
		w.serving = true
		w.run.logger.Info("framerail: connections come faster than HandshakesPerSecond, and wait")
		w.run.aside.begin()
		w.run.kernel.Go(w.serve)
	}
}

// takeLast takes the last one of the longest line. mu is held.
func (w *waiting) takeLast() arrival {
	if len(w.longest.arrivals)*len(w.turns) < w.n { // it was the longest once
		for _, line := range w.turns {
			if len(line.arrivals) > len(w.longest.arrivals) {
				w.longest = line
			}
		}
	}
	line := w.longest
	last := len(line.arrivals) - 1
	a := line.arrivals[last]
	line.arrivals[last] = arrival{}
	line.arrivals = line.arrivals[:last]
	w.n--
	return a // a line that is empty now is left out at its turn
}

// next takes the first one of the line whose turn it is. mu is held.
func (w *waiting) next() (a arrival, ok bool) {
	for len(w.turns) > 0 {
		line := w.turns[0]
		w.turns[0] = nil
		w.turns = w.turns[1:]
		if ok = len(line.arrivals) > 0; ok {
			a = line.arrivals[0]
			line.arrivals[0] = arrival{}
			line.arrivals = line.arrivals[1:]
			w.n--
		}
		if len(line.arrivals) > 0 {
			w.turns = append(w.turns, line)
		} else {
			delete(w.lines, line.key)
		}
		if ok {
			return a, true
		}
	}
	w.longest = nil
	return a, false
}

// serve lets those in that wait, one by one, until nobody does.
func (w *waiting) serve() {
	defer w.run.aside.end()
	r := w.run
	for {
		now := r.kernel.Now()
		if wait := w.rate.wait(now); wait > 0 {
			r.kernel.Await(r.stopping, nil, now.Add(max(wait, paceMin)))
		}
		if !w.letIn() {
			return
		}
	}
}

// letIn lets the next one in, and is false if nobody waits any more.
func (w *waiting) letIn() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		a, ok := w.next()
		switch {
		case !ok:
			w.serving = false
			return false
		case a.isGone():
			w.run.turnDown(a, ReasonLeft)
			continue
		}
		w.rate.take(w.run.kernel.Now())
		w.run.leastLoaded().deliver(a)
		return true
	}
}

// end lets all in that wait: the server ends, and whoever was accepted is answered.
func (w *waiting) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	for a, ok := w.next(); ok; a, ok = w.next() {
		w.run.leastLoaded().deliver(a)
	}
}

// turnDown closes an accepted connection that no loop has, and counts it.
func (r *running) turnDown(a arrival, why Reason) {
	r.leastLoaded().tally.accepted.Add(1)
	r.refuse(why)
	r.admission.leave(a.remote.Addr(), a.standing)
	a.close()
}

// isGone tells whether the peer of a connection from which nothing was read yet has closed
// it.
func (a arrival) isGone() bool {
	return a.accepted().Gone()
}
