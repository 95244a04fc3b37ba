package topics

// unrecorded is what a topic knows of messages that the Recorder never got, because their publisher's outbox was full, or the broker refused them.
// They leave no hole in the Recorder's offsets. Guarded by the topic's mu.
type unrecorded struct {
	torn     Position        // see tear
	lost     bool            // the outbox has lost a message of the node's own while the topic was not live
	pardoned map[uint64]bool // see pardon
	whole    bool            // since all that the Recorder ever had was taken, nothing was left out: heard has all publishers
}

// pardon has the next message of each publisher be the next one: what came before it lies in a gap that members know of, or before all that
// the topic has here. mu is held.
func (a *across) pardon() {
	if a.pardoned = nil; len(a.heard) > 0 { // a new topic has heard nobody, and need not have a map
		a.pardoned = make(map[uint64]bool, len(a.heard))
	}
	for node := range a.heard {
		a.pardoned[node] = true
	}
}

// compare is the verdict about a message's number, and the number before it. mu is held.
func (a *across) compare(hd header) (v verdict, known number) {
	known, ok := a.heard[hd.node]
	if a.pardoned[hd.node] && known.before(hd.number) {
		return fresh, known
	}
	if !ok && a.whole && hd.number.n > 1 && len(a.heard) < maxHeardNodes {
		return missing, number{series: hd.number.series}
	}
	return hd.number.compare(known, ok), known
}

// neverRecorded notes that what lies between a message and the last one that is known of its publisher is not at the Recorder, because the
// publisher's outbox was full, or the broker refused it. Members of the publisher's own node had it, or have been told. where is as for course.away.
// mu is held.
func (a *across) neverRecorded(t *topic, at Position, hd header, known number, where *away) {
	a.tear(at)
	l := a.link
	if hd.node == l.node {
		return
	}
	l.counts.gaps.Add(1)
	l.counts.missed.Add(hd.number.between(known, true))
	t.reportGapAt(where.position(t), 0)
}

// tear notes that something before a position was never recorded. A connection with an earlier position may lack it: SubscribeSince fails, though the
// Recorder leaves nothing out. mu is held.
func (a *across) tear(at Position) {
	if a.torn.Epoch != at.Epoch || a.torn.Offset < at.Offset {
		a.torn = at
	}
}

// lostOwn notes that the outbox has lost a message of the node's own: the Recorder gets others behind it, or none. mu is held.
func (a *across) lostOwn(t *topic) {
	if a.lost = a.recorded && !a.isLive(); a.isLive() {
		a.tear(Position{t.era.epoch, t.offset + 1})
	}
}

// tearLost has a topic that is live again, or for the first time, be torn where the outbox has lost something meanwhile, or before. mu is held.
func (a *across) tearLost(t *topic) {
	if !a.isLive() {
		return
	}
	lost := a.link.outbox.lastLost(t.name)
	if a.lost || lost != (number{}) && a.heard[a.link.node].before(lost) {
		a.lostOwn(t)
	}
}

// isTorn reports whether something behind a position was never recorded. mu is held.
func (a *across) isTorn(since Position) bool {
	return a != nil && a.torn.Epoch == since.Epoch && since.Offset < a.torn.Offset
}
