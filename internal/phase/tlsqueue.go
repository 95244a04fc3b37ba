package phase

import (
	"slices"
	"time"

	"github.com/framerail/framerail/poller"
)

// tlsHandshakes is the phase of a TLS handshake, and a loop's queue for these. So many at once
// have a goroutine each, and the others wait in order. While some do, no peer may keep a
// goroutine waiting for long: otherwise peers that send nothing behind their ClientHello would
// have all of them. A timer fires early, for that.
type tlsHandshakes struct {
	unopenedRow
	running []uint64 // whose handshake has a goroutine, in no order; some are gone
	queue   []uint64 // in order; some are gone, because none waits for longer than HandshakeTimeout
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

// startNext starts the handshakes of those whose turn it is.
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

// setPatience sets the timer of a client whose handshake begins to wait for it.
func (l *tlsHandshakes) setPatience(cl *Tenant) {
	after := l.Left(&cl.Tenant)
	if l.hasQueue() {
		after = l.patience(cl)
	}
	l.SetTimer(&cl.Tenant, after)
}

// patience is after how long a handshake that waits for its peer has kept others waiting for
// too long: the more there are of those the sooner.
func (l *tlsHandshakes) patience(cl *Tenant) (after time.Duration) {
	going, waiting := time.Duration(len(l.running)), time.Duration(len(l.queue))
	most := l.HandshakeTimeout / stallShare
	return min(l.Left(&cl.Tenant), max(most/(going+waiting)*going, most/stallShort))
}
