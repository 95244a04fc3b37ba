package topics

import "time"

// receivePlain takes a message without a position. The topic's mu is held, if there is a topic.
func (l *link) receivePlain(r *route, t *topic, name string, hd header, rest []byte) error {
	if !judge(l, t, name, hd) {
		return nil
	}
	r.find(l.hub, t, name)
	return r.sendPlain(l, t, name, rest)
}

// judge notes the number of another node's message, and reports what is missing before it: to members of the topic, if there is a topic, and of
// patterns that match its name. It reports whether the message is to be sent. The topic's mu is held, if there is a topic.
func judge(l *link, t *topic, name string, hd header) (isNew bool) {
	v := hear(l, t, name, hd)
	if v == missing {
		if t != nil {
			gapInPlain(t)
		} else {
			l.counts.gaps.Add(1)
		}
		l.reportPatterns(name)
	}
	return v != old && hd.kind != kindLast
}

// sendPlain sends a message of another node's to those that it was found to go to. The topic's mu is held, if there is a topic.
func (r *route) sendPlain(l *link, t *topic, name string, rest []byte) error {
	if t == nil && len(r.parts) == 0 {
		return nil
	}
	m, err := readMessage(rest)
	if err != nil {
		return err
	}
	if r.isBehind(int64(limit(l.hub.MaxBacklog, DefaultMaxBacklog))) {
		l.counts.dropped.Add(1)
		if t != nil {
			gapInPlain(t)
		}
		l.reportPatterns(name)
		return nil
	}
	unplaced := t != nil && t.isRecorded()
	if unplaced {
		t.offset-- // Stamp gets the next one: members stay where they are
	}
	pub := l.make(t, m)
	if unplaced {
		t.offset++
	}
	if pub == nil {
		return nil
	}
	switch {
	case unplaced:
		pub.era, pub.offset = t.era, t.offset+1 // OnLost gives the one before it
	case t != nil:
		t.append(pub)
	}
	r.send(pub, nil)
	return nil
}

// gapInPlain notes that a message without a position has not come. The Recorder does not have it either. mu is held.
func gapInPlain(t *topic) {
	if !t.isRecorded() {
		t.gapLocked()
		return
	}
	t.across.link.counts.gaps.Add(1)
	t.reportGap(0)
}

// longestSilence is how long a node is silent at most about a topic, while its series goes on: it repeats its last number before.
const longestSilence = 10 * time.Second

// hear notes the number of another node's message, and judges it: fresh, missing or old. The topic's mu is held, if there is a topic.
func hear(l *link, t *topic, name string, hd header) verdict {
	v, lost := l.heard.hear(name, hd.node, hd.number, hd.kind == kindLast)
	if v == unheard {
		if v = fresh; listens(l, t, name, longestSilence) {
			v = missing
		}
	}
	if v == missing {
		l.counts.missed.Add(lost)
	}
	return v
}

// listens reports whether what others have published to a topic for so long must have come: the node's interest in it, or in a pattern, is
// confirmed. Interest in a pattern tells nothing if the broker brings nothing for it. The topic's mu is held, if there is a topic.
func listens(l *link, t *topic, name string, long time.Duration) bool {
	since := time.Now().Add(-long)
	if t != nil && t.across.listens(since) {
		return true
	}
	if l.interest.patternless.Load() {
		return false
	}
	for _, pattern := range patternsOf(l.hub, name) {
		pattern.mu.Lock()
		is := pattern.across.listens(since)
		pattern.mu.Unlock()
		if is {
			return true
		}
	}
	return false
}

// listens reports whether interest is confirmed since a time. The topic's mu is held.
func (a *across) listens(since time.Time) bool { return a.confirmed && !a.listening.After(since) }

// patternsOf is the patterns that match a name.
func patternsOf(h *Topics, name string) (all []*topic) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.wild > 0 && CheckName(name) == nil {
		all = h.patterns.match(name, nil)
	}
	return all
}

// reportPatterns reports a gap to the members of patterns that match a name.
func (l *link) reportPatterns(name string) {
	for _, pattern := range patternsOf(l.hub, name) {
		pattern.mu.Lock()
		pattern.reportGap(0)
		pattern.mu.Unlock()
	}
}

// toPatterns gives a message of another node's to members of patterns that match the name of a topic that is recorded, and that does not
// send it to them itself. What they have had already they get not once more. t.mu is held.
func (r *route) toPatterns(l *link, t *topic, hd header, rest []byte) error {
	if r.match(l.hub, t.name); len(r.parts) == 0 {
		return nil
	}
	if !judge(l, nil, t.name, hd) {
		return nil
	}
	return r.sendPlain(l, nil, t.name, rest)
}

// letHeldGo gives what is held to members of patterns, when the topic does not take it any more. t.mu is held.
func (a *across) letHeldGo(t *topic) {
	l := a.link
	if a.spilled {
		l.reportPatterns(t.name)
	}
	for _, p := range a.takeHeld() {
		a.letGo(t, p)
	}
}

// letGo gives a packet that was held to members of patterns. t.mu is held.
func (a *across) letGo(t *topic, p Packet) {
	l := a.link
	hd, rest, err := readHeader(p.Data)
	if err == nil && hd.node != l.node {
		r := routes.Get().(*route)
		err = r.toPatterns(l, t, hd, rest)
		r.done()
	}
	if err != nil {
		l.refuse(t.name, err)
	}
}

// refuseInterest notes that the broker refuses interest in a topic that is recorded. What patterns bring of it goes to their members at once.
func refuseInterest(t *topic) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.across.refused = true
}

// dropHeld drops what is held, and reports that to members of patterns. t.mu is held.
func (a *across) dropHeld(t *topic) {
	if a.spilled || len(a.held) > 0 {
		a.link.reportPatterns(t.name)
	}
	a.takeHeld()
}

// endAcross gives away what a topic has still, when it is forgotten. The broker gets what was published. Members of patterns get what would come
// to them with the topic's own. mu is held.
func endAcross(t *topic) {
	a := t.across
	if a == nil {
		return
	}
	t.sendPending()
	l := a.link
	for _, p := range a.pending {
		m, err := readMessage(p.body[maxHeader:])
		if err != nil || p.missed {
			continue
		}
		r := routes.Get().(*route)
		if r.match(l.hub, t.name); len(r.parts) > 0 {
			if pub := l.make(nil, m); pub != nil {
				r.send(pub, p.except)
			}
		}
		r.done()
	}
	a.forgetPending(len(a.pending))
	a.letHeldGo(t)
	a.asking = 0 // an answer comes too late
}
