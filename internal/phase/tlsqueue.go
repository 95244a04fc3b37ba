package phase

import (
	"slices"
	"time"

	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/poller"
)

// tlsHandshakes is the phase of a TLS handshake, and a loop's queue of handshakes. TLSAtOnce of them
// have a goroutine each, and the others wait in order. While any wait, no peer may keep a goroutine
// waiting for long. Otherwise peers that send nothing behind their ClientHello would have all
// goroutines. So the timer of a handshake fires before the client's time is over.
type tlsHandshakes struct {
	unopenedRow
	next    loop.Phase // the one behind TLS
	running []uint64   // clients whose handshake has a goroutine, in no order; some are gone
	queue   []uint64   // clients that wait, in order; some are gone, because none waits longer than HandshakeTimeout
}

// startInTurn starts a client's handshake, or queues it.
func (l *tlsHandshakes) startInTurn(cl *Tenant) {
	if !l.watchHandshake(cl, poller.None) {
		return
	}
	if len(l.running) < l.TLSAtOnce {
		l.start(cl)
		return
	}
	l.Counters.TLSWaited.Add(1)
	first := !l.hasQueue()
	l.queue = append(l.queue, cl.Token())
	if !first {
		return
	}
	for _, token := range l.running {
		if cl := l.find(token); cl != nil && cl.Phase() == TLS {
			l.HastenTimer(&cl.Tenant, l.patience(cl))
		}
	}
}

// end takes out a handshake that has ended.
func (l *tlsHandshakes) end(token uint64) {
	i, last := slices.Index(l.running, token), len(l.running)-1
	l.running[i] = l.running[last]
	l.running = l.running[:last]
}

// startNext starts handshakes of the queue while goroutines are free.
func (l *tlsHandshakes) startNext() {
	for l.hasQueue() && len(l.running) < l.TLSAtOnce {
		cl := l.find(l.queue[0])
		l.queue = l.queue[1:]
		l.start(cl)
	}
}

// hasQueue reports whether a client waits for its turn. It is then the first of the queue.
func (l *tlsHandshakes) hasQueue() bool {
	for len(l.queue) > 0 {
		if l.find(l.queue[0]) != nil {
			return true
		}
		l.queue = l.queue[1:]
	}
	l.queue = nil
	return false
}

// setPatience sets the timer of a client when its handshake begins to wait for it.
func (l *tlsHandshakes) setPatience(cl *Tenant) {
	after := l.Left(&cl.Tenant)
	if l.hasQueue() {
		after = l.patience(cl)
	}
	l.SetTimer(&cl.Tenant, after)
}

// patience is how long a handshake may wait for its peer while others wait for a goroutine. The more
// wait, the shorter it is.
func (l *tlsHandshakes) patience(cl *Tenant) (after time.Duration) {
	going, waiting := time.Duration(len(l.running)), time.Duration(len(l.queue))
	most := l.HandshakeTimeout / stallShare
	return min(l.Left(&cl.Tenant), max(most/(going+waiting)*going, most/stallShort))
}
