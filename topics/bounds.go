package topics

import (
	"bytes"
	"slices"
	"sync/atomic"
	"time"
)

// allowance is how many bytes all topics of a node together may have wait for something.
type allowance struct {
	most    int64
	used    atomic.Int64
	refused atomic.Bool // since the last tick
}

// add takes some bytes of it, unless there are too few.
func (b *allowance) add(n int) bool {
	if b.used.Add(int64(n)) <= b.most {
		return true
	}
	b.used.Add(-int64(n))
	b.refused.Store(true)
	return false
}

// remove gives some bytes back.
func (b *allowance) remove(n int) { b.used.Add(-int64(n)) }

// hold keeps a packet until the topic has caught up. mu is held.
func (a *across) hold(p Packet) {
	size := len(p.Data) + packetCost
	if a.spilled || a.heldBytes+size > maxBatchBytes || !a.link.held.add(size) {
		a.takeHeld()
		a.spilled = true
		return
	}
	a.heldBytes += size
	p.Data = bytes.Clone(p.Data)
	a.held = append(a.held, p)
}

// takeHeld takes what is held. mu is held.
func (a *across) takeHeld() (held []Packet) {
	held = a.held
	a.link.held.remove(a.heldBytes)
	a.held, a.heldBytes, a.spilled = nil, 0, false
	return held
}

// size is what a pending message counts.
func (p *pending) size() int { return len(p.body) + packetCost }

// forgetPending forgets the first n of the node's own messages that have not come back. mu is held.
func (a *across) forgetPending(n int) {
	for i := range n {
		a.link.returns.remove(a.pending[i].size())
	}
	clear(a.pending[:n])
	if a.pending = a.pending[n:]; len(a.pending) == 0 {
		a.pending = nil // or a topic that is quiet keeps the array
	}
}

// longestReturn is how long a message may be on its way from the Recorder back to its node, while other messages have no room.
const longestReturn = 10 * time.Second

// tickReturns gives up messages that do not come back, if others had no room since the last tick. By the worker.
func tickReturns(l *link, now time.Time) {
	if !l.returns.refused.Swap(false) {
		return
	}
	long := now.Add(-longestReturn)
	for _, t := range l.hub.allTopics() {
		if !t.isRecorded() {
			continue
		}
		if isStuck(t, long) {
			l.linkLost(t)
		}
		before := long
		if first, waits := l.outbox.waitsSince(t.name); waits && first.Before(before) {
			before = first // what is still in the outbox is not on its way back: its pending.since is not before its time there
		}
		giveUp(t, before)
	}
}

// isStuck reports whether something published before that waits for the broker to confirm interest. The broker may have refused it.
func isStuck(t *topic, before time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.across
	return !a.out && !a.confirmed && len(a.pending) > 0 && a.pending[0].since.Before(before)
}

// giveUp gives up what was published before a time and has not come back. A topic that waits for an answer is left alone: it gets these messages
// with the answer, or goes on without.
func giveUp(t *topic, before time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.across
	if !a.adrift && (!a.isLive() || a.gaps > 0) {
		return
	}
	n := 0
	for n < len(a.pending) && a.pending[n].since.Before(before) {
		n++
	}
	if n == 0 {
		return
	}
	unknown := slices.ContainsFunc(a.pending[:n], func(p pending) bool { return !p.missed }) // of the others members know
	if a.forgetPending(n); unknown {
		a.link.counts.gaps.Add(1)
		reportAll(t)
	}
}
