package topics

import (
	"slices"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/session"
)

// receiveRecorded takes what arrives for a topic that is recorded. The topic's mu is held.
func (l *link) receiveRecorded(r *route, t *topic, p Packet, hd header, rest []byte) error {
	a := t.across
	own := hd.node == l.node && hd.kind == kindMessage
	if own && !hd.number.before(a.coming) {
		a.coming = number{}
	}
	switch {
	case hd.kind == kindLast:
		whole := a.refused || a.isLive() && a.gaps == 0
		if l.receiveLast(t, hd); whole && hd.node != l.node {
			return r.toPatterns(l, t, hd, nil)
		}
	case p.At == (Position{}): // its publisher keeps nothing of this topic
		if hd.node == l.node {
			return nil
		}
		a.note(hd) // the Recorder is not asked for it when its number is repeated
		return l.receivePlain(r, t, p.Topic, hd, rest)
	case a.refused:
		if hd.node == l.node {
			return nil
		}
		a.before = Position{} // or a member of the topic and of a pattern gets it once more, when the topic catches up
		return r.toPatterns(l, t, hd, rest)
	case !a.isLive() || a.gaps > 0:
		receiveEarly(t, p, own)
	default:
		return l.apply(r, t, p, hd, rest, false)
	}
	return nil
}

// receiveEarly takes a message for a topic that waits for an answer of the Recorder, or for the broker to confirm interest. Until that is
// confirmed, patterns bring messages. own: it is the node's own. mu is held.
func receiveEarly(t *topic, p Packet, own bool) {
	a := t.across
	if a.adrift && own && a.coming != (number{}) {
		a.adrift, a.returning = false, true // late, but they come
	}
	switch {
	case a.adrift, a.returning && a.coming == number{}:
		t.goOn(p)
		if len(a.waiters) > 0 {
			a.link.running.Go(t.rejoinLive) // which takes locks of connections
		}
	default:
		if a.hold(p); own && a.returning {
			a.asked = time.Now() // others may come as late
		}
	}
}

// apply takes a message with its position, which is live. anyway: the Recorder is not asked for what may be missing before it. mu is
// held.
func (l *link) apply(r *route, t *topic, p Packet, hd header, rest []byte, anyway bool) error {
	a := t.across
	if p.At.Epoch != t.era.epoch { // the Recorder has begun anew
		l.counts.gaps.Add(1)
		a.whole = false
		a.missPending()
		t.beginEra(Position{p.At.Epoch, p.At.Offset - 1})
		reportAll(t)
		a.pardon()
	}
	if p.At.Offset <= t.offset { // the topic has it, or begins behind it
		if hd.node == l.node {
			return nil
		}
		return r.toPatterns(l, t, hd, rest)
	}
	v, known := a.compare(hd)
	switch hole := p.Prev > t.offset || p.Prev == 0 && v == missing; {
	case hole && anyway:
		l.counts.gaps.Add(1)
		a.whole = false
		a.missPending()
		t.beginEra(Position{p.At.Epoch, p.At.Offset - 1})
		reportAll(t)
		a.pardon()
		if v == missing {
			v = fresh
		}
	case hole, !anyway && v != old && a.isKnown(hd):
		t.gapLocked()
		a.hold(p)
		return nil
	}
	if v == old {
		t.skip(p.At.Offset)
		return nil
	}
	if v == missing {
		a.neverRecorded(t, p.At, hd, known, nil)
	}
	return l.take(r, t, p.At.Offset, hd, rest, course{live: true})
}

// skip notes that the topic has a message again that it had before. mu is held.
func (t *topic) skip(offset uint64) {
	t.offset = offset
	if t.keep.Messages <= 0 {
		t.history.floor = offset
	}
}

// course is how a message comes to the members of a topic.
type course struct {
	live   bool   // from its publisher, so that patterns have it too; else from the Recorder
	held   bool   // from the Recorder, and it is held too: it has come for patterns
	outage uint32 // members that joined in this outage are not sent it
	away   *away  // it is sent with a position of this; nil: with its own
}

// away is where a topic was while the broker was away.
type away struct {
	era    *era
	offset uint64
}

// take takes a message that is the next one, and sends it to members. mu is held.
func (l *link) take(r *route, t *topic, offset uint64, hd header, rest []byte, how course) error {
	a := t.across
	a.note(hd)
	m, err := readMessage(rest)
	if err != nil {
		t.skip(offset)
		return err
	}
	var except *session.Conn
	known, awaited := a.isKnown(hd), false
	if hd.node == l.node {
		var skipped bool
		except, awaited, skipped = a.takePending(hd.number)
		if skipped { // a message before it, which the Recorder has not taken in its turn
			l.counts.gaps.Add(1)
			t.reportGapAt(how.away.position(t), 0)
			l.reportPatterns(t.name)
		}
	}
	t.offset = offset - 1
	pub := l.make(t, m)
	if pub == nil {
		t.skip(offset)
		return nil
	}
	t.append(pub)
	if known || how.away != nil {
		pub.message.SetTag(session.Tag{Of: pub.era, Number: pub.offset})
		pub.release()
		if known {
			return nil
		}
		if pub = t.makeAway(m, how.away); pub == nil {
			return nil
		}
	}
	pub.outage = how.outage
	r.parts = append(r.parts, t.parts...)
	if hd.node != l.node || awaited { // patterns have had the node's other messages
		r.findPatterns(l, t, hd, awaited || how.live || how.held)
	}
	if r.isBehind(int64(limit(l.hub.MaxBacklog, DefaultMaxBacklog))) {
		l.counts.dropped.Add(1)
		if t.reportGap(0); len(r.matched) > 0 {
			l.reportPatterns(t.name)
		}
		clear(r.parts)
		r.parts = r.parts[:0]
	}
	r.send(pub, except)
	return nil
}

// findPatterns finds the members of patterns that a message of a topic goes to: all, if it has come for them and they have not had it. If it
// has not come, they hear of a gap. mu is held.
func (r *route) findPatterns(l *link, t *topic, hd header, come bool) {
	own := len(r.parts)
	if r.match(l.hub, t.name); len(r.matched) == 0 {
		return
	}
	v := fresh
	if hd.node != l.node {
		v, _ = l.heard.hear(t.name, hd.node, hd.number, false)
	}
	if v == missing || v != old && !come {
		l.reportPatterns(t.name)
	}
	if v == old || !come {
		clear(r.parts[own:])
		clear(r.matched)
		r.parts, r.matched = r.parts[:own], r.matched[:0]
	}
}

// position is where members are. While they are sent what they missed in an outage, they are still in it: behind the last message that they had.
// Otherwise at is nil, and they are where the topic is. mu is held.
func (at *away) position(t *topic) Position {
	if at != nil {
		return Position{at.era.epoch, at.offset}
	}
	return t.position()
}

// isKnown reports whether members have had a message of the node's own, while the broker was away. mu is held.
func (a *across) isKnown(hd header) bool {
	return hd.node == a.link.node && !a.delivered.before(hd.number)
}

// makeAway makes a publication whose position is of the time in which the broker was away. mu is held.
func (t *topic) makeAway(m conn.Message, at *away) *publication {
	here := away{t.era, t.offset}
	t.era, t.offset = at.era, at.offset
	pub := t.across.link.make(t, m)
	t.era, t.offset = here.era, here.offset
	if pub != nil {
		at.offset++
		pub.era, pub.offset = at.era, at.offset
	}
	return pub
}

// missOwn notes that the outbox has lost a message of the node's own. If it was for the Recorder, members wait for it to come back.
func missOwn(l *link, p Packet) {
	if !p.Keep.keeps() {
		return
	}
	hd, _, err := readHeader(p.Data)
	if err != nil {
		return // cannot be: this process made it
	}
	t := l.hub.lockIf(p.Topic)
	if t == nil {
		return
	}
	defer t.mu.Unlock()
	a := t.across
	a.lostOwn(t)
	if hd.number == a.coming {
		a.coming = number{}
	}
	i := slices.IndexFunc(a.pending, func(own pending) bool { return own.number == hd.number })
	if i < 0 {
		return
	}
	l.returns.remove(a.pending[i].size())
	a.pending = slices.Delete(a.pending, i, i+1)
	l.counts.gaps.Add(1)
	reportAll(t)
}

// missPending notes that what is pending may lie in a gap. mu is held.
func (a *across) missPending() {
	for i := range a.pending {
		a.pending[i].missed = a.pending[i].number != number{}
	}
}

// receiveLast takes the number that another node repeats: that of its last message. If the message has not come, the Recorder is asked for it, once.
// If the node repeats the number again, the answer did not have the message: it was never recorded, because its publisher's outbox was full. mu is
// held.
func (l *link) receiveLast(t *topic, hd header) {
	a := t.across
	known, ok := a.heard[hd.node]
	switch asked, is := a.doubts[hd.node]; {
	case hd.node == l.node || ok && !known.before(hd.number) || !a.isLive() || a.gaps > 0: // it has come, or the Recorder is to be asked anyway
	case !ok && len(a.heard) >= maxHeardNodes: // others have pushed it out
	case a.pardoned[hd.node], !ok && !a.listens(time.Now().Add(-longestSilence)): // the message lies in a gap, or before all that the topic has here
		a.note(hd)
	case !is || asked != hd.number: // it is repeated for the first time
		if a.doubts == nil {
			a.doubts = make(map[uint64]number)
		}
		noteNumber(a.doubts, hd.node, hd.number)
		t.gapLocked()
	default:
		delete(a.doubts, hd.node)
		a.note(hd)
		a.tear(Position{t.era.epoch, t.offset + 1}) // the next message's, or before it
		l.counts.gaps.Add(1)
		l.counts.missed.Add(hd.number.between(known, ok) + 1)
		t.reportGap(0)
	}
}

// note notes the number of a message. mu is held.
func (a *across) note(hd header) {
	if a.heard == nil {
		a.heard = make(map[uint64]number)
	}
	if known, ok := a.heard[hd.node]; ok && !known.before(hd.number) {
		return
	}
	delete(a.pardoned, hd.node)
	noteNumber(a.heard, hd.node, hd.number)
}

// takePending forgets the node's own messages up to one that came back. It returns the connection that is not sent that one; nil: none. awaited: it
// was pending. skipped: so was one before it that members do not know to be missing. mu is held.
func (a *across) takePending(n number) (except *session.Conn, awaited, skipped bool) {
	come := 0
	for ; come < len(a.pending); come++ {
		p := &a.pending[come]
		if p.number == (number{}) || n.before(p.number) {
			break
		}
		if p.number == n {
			except, awaited = p.except, true
		} else {
			skipped = skipped || !p.missed
		}
	}
	a.forgetPending(come)
	return except, awaited, skipped
}
