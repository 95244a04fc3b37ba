package gate

import (
	"sync"
	"time"
)

// queue holds accepted connections that wait for the rate of handshakes. The system's own backlog is one
// queue for all: an address that dials without end would delay all others there. So connections are
// accepted at once, and wait here in a queue for each address. The addresses take turns. A connection
// that the peer has closed meanwhile costs nothing.
type queue struct {
	gate *Gate
	rate Pacer
	most int

	mu        sync.Mutex
	byAddress map[addressKey]*addressQueue // those that are not empty
	turns     []*addressQueue              // the same, in the order of their turns
	longest   *addressQueue                // about; nil for none
	n         int                          // in all queues
	serving   bool                         // a goroutine delivers them one by one
	ended     bool                         // none waits any more: the server ends
}

// addressQueue holds the waiting connections of one address.
type addressQueue struct {
	key   addressKey
	conns []Accepted
}

const (
	// queueMin and queueMost bound how many connections wait for HandshakesPerSecond. In
	// between it is as many as get their turn within HandshakeTimeout.
	queueMin  = 1 << 10
	queueMost = 16 << 10
	// paceMin is how long connections that come too fast wait at least, because timers are
	// not free.
	paceMin = 5 * time.Millisecond
)

func (q *queue) init(g *Gate, perSecond int) {
	q.gate = g
	q.rate.Init(perSecond)
	q.most = int(min(max(time.Duration(perSecond)*g.options.HandshakeTimeout/time.Second, queueMin), queueMost))
	q.byAddress = make(map[addressKey]*addressQueue)
}

// enter delivers a connection to a loop, at once if the rate allows it. The connection is counted
// already.
func (q *queue) enter(a Accepted) {
	now := q.gate.options.Platform.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.ended:
		q.gate.loops.Deliver(a)
	case q.n > 0:
		q.add(a)
	case q.rate.Low(now) && a.Gone():
		q.gate.turnAway(a, Left)
	case q.rate.Take(now):
		q.gate.loops.Deliver(a)
	default:
		q.add(a)
	}
}

// add appends a connection to its address's queue. If too many wait, the last one of the longest queue is
// closed for it. mu is held.
func (q *queue) add(a Accepted) {
	key := keyOf(a.Remote.Addr())
	own := q.byAddress[key]
	if own == nil {
		own = &addressQueue{key: key}
		q.byAddress[key] = own
		q.turns = append(q.turns, own)
	}
	own.conns = append(own.conns, a)
	q.n++
	q.gate.paced.Add(1)
	if q.longest == nil || len(own.conns) > len(q.longest.conns) {
		q.longest = own
	}
	if q.n > q.most {
		q.gate.turnAway(q.takeLast(), TooFast)
	}
	if !q.serving {
		q.serving = true
		q.gate.options.Logger.Info("framerail: connections come faster than HandshakesPerSecond, and wait")
		q.gate.loops.Go(q.serve)
	}
}

// takeLast takes the last connection of the longest queue. mu is held.
func (q *queue) takeLast() Accepted {
	if len(q.longest.conns)*len(q.turns) < q.n { // it was the longest once
		for _, own := range q.turns {
			if len(own.conns) > len(q.longest.conns) {
				q.longest = own
			}
		}
	}
	own := q.longest
	last := len(own.conns) - 1
	a := own.conns[last]
	own.conns[last] = Accepted{}
	own.conns = own.conns[:last]
	q.n--
	return a // an empty queue is dropped at its turn
}

// next takes the first connection of the queue whose turn it is. mu is held.
func (q *queue) next() (a Accepted, ok bool) {
	for len(q.turns) > 0 {
		own := q.turns[0]
		q.turns[0] = nil
		q.turns = q.turns[1:]
		if ok = len(own.conns) > 0; ok {
			a = own.conns[0]
			own.conns[0] = Accepted{}
			own.conns = own.conns[1:]
			q.n--
		}
		if len(own.conns) > 0 {
			q.turns = append(q.turns, own)
		} else {
			delete(q.byAddress, own.key)
		}
		if ok {
			return a, true
		}
	}
	q.longest = nil
	return a, false
}

// serve delivers waiting connections one by one, until none is left.
func (q *queue) serve() {
	on := q.gate.options.Platform
	for {
		now := on.Now()
		if wait := q.rate.Wait(now); wait > 0 {
			on.Await(q.gate.options.Stopping, nil, now.Add(max(wait, paceMin)))
		}
		if !q.letIn() {
			return
		}
	}
}

// letIn delivers the next connection. It returns false if none waits any more.
func (q *queue) letIn() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		a, ok := q.next()
		switch {
		case !ok:
			q.serving = false
			return false
		case a.Gone():
			q.gate.turnAway(a, Left)
			continue
		}
		q.rate.Take(q.gate.options.Platform.Now())
		q.gate.loops.Deliver(a)
		return true
	}
}

// end delivers all waiting connections: a server that ends answers each accepted connection.
func (q *queue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	for a, ok := q.next(); ok; a, ok = q.next() {
		q.gate.loops.Deliver(a)
	}
}
