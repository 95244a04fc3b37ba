package topics

import (
	"slices"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/session"
)

// question is what the Recorder is asked about a topic.
type question struct {
	number uint64   // of across.asking
	gaps   int      // of across.gaps: later ones are not in the answer. 0: only those that wait miss something
	base   Position // where the node is; zero: nowhere
	since  Position // where to begin: at base, or earlier for one that waits
	fill   bool     // since is across.fill
	alone  bool     // it is not for clients
}

// question is what there is to ask. mu is held.
func (t *topic) question() question {
	a := t.across
	q := question{number: a.asking, gaps: a.gaps}
	switch {
	case a.isLive():
		q.base = t.position()
	case a.synced:
		q.base = a.before
	}
	q.since = q.base
	if a.fill != (Position{}) && (a.fill.Epoch != q.base.Epoch || a.fill.Offset < q.base.Offset) { // else members miss what lies before it
		q.since = a.fill
	}
	for _, w := range a.waiters {
		w.joining.question = q.number
	}
	q.fill = q.since == a.fill && q.since != Position{}
	if q.alone, a.alone = a.alone, false; q.alone {
		return q
	}
	if t.keep.Last && !a.synced {
		return q // the last message first: newcomers get it
	}
	for _, w := range a.waiters {
		since := w.joining.since
		if since == (Position{}) || w.joining.failed != nil {
			continue
		}
		if q.since == (Position{}) || since.Epoch == q.since.Epoch && since.Offset < q.since.Offset {
			q.since = since
		}
	}
	q.fill = q.since == a.fill && q.since != Position{}
	return q
}

// answered takes what the Recorder has answered, and returns those that waited for it. mu is held.
func (l *link) answered(t *topic, q question, missed []Packet, at Position, err error) []waiter {
	a := t.across
	isFirst := !a.synced
	fill := a.fill
	a.fill = Position{}
	if isAnswer(err) {
		a.asked = time.Time{}
		for _, w := range a.waiters {
			w.joining.answered = w.joining.answered || w.joining.question == q.number
		}
	}
	switch {
	case err == nil:
		l.merge(t, q, missed, at)
		if isFirst && (q.since == Position{} || q.since.Offset > 0) && a.wantFill(t, at) {
			l.settle(t, q, at)
			t.want()
			return nil
		}
	case err == ErrGap && q.fill && q.since.Offset == 0 && at.Offset > uint64(t.keep.Messages):
		a.fill = Position{q.since.Epoch, at.Offset - uint64(t.keep.Messages)} // the last ones at least
		t.want()
		return nil
	case err != ErrGap && err != ErrTooMuch:
		a.fill = fill
		l.asks.later(t)
		for _, w := range a.waiters {
			w.joining.tries++
		}
		return a.takeFailed()
	default:
		if taken, is := a.refuseClients(t, q, fill, err); is {
			return taken
		}
		l.adopt(t, at)
		t.history.forgetLast()
		l.putBefore(t, missed, at.Offset)
		if isFirst && a.wantFill(t, at) {
			l.settle(t, q, at)
			t.want()
			return a.takeFailed()
		}
	}
	l.settle(t, q, at)
	waiters := a.takeAnswered(q, t)
	if len(a.waiters) > 0 {
		t.want()
	}
	return waiters
}

// isAnswer reports whether an error of Recorder.Since is an answer.
func isAnswer(err error) bool { return err == nil || err == ErrGap || err == ErrTooMuch }

// wantFill has a topic that is new here have all that the Recorder keeps, if it keeps anything. mu is held.
func (a *across) wantFill(t *topic, at Position) bool {
	if t.keep.Messages <= 0 || at.Offset == 0 {
		return false
	}
	a.fill = Position{Epoch: at.Epoch} // all that there ever was, perhaps
	return true
}

// adopt has the topic be where the Recorder says. What is between is not to be had. mu is held.
func (l *link) adopt(t *topic, at Position) {
	a := t.across
	reported := a.synced || a.out || a.adrift // adrift, the node's own messages are recorded before the topic is anywhere
	a.missPending()
	t.beginEra(at)
	a.synced, a.out, a.before, a.whole = true, false, Position{}, at.Offset == 0 && !reported
	a.pardon()
	if reported {
		l.counts.gaps.Add(1)
		reportAll(t)
	}
}

// beginning is where a topic that is new here begins, if the Recorder is at a position: before what is held, so that members get that too. It
// reports whether members miss some of that, because not all of it is held, or a connection waits with a position behind it. mu is held.
func (a *across) beginning(t *topic, at Position) (begin Position, misses bool) {
	if a.out || t.members == 0 {
		return at, false
	}
	first := slices.IndexFunc(a.held, func(p Packet) bool {
		hd, _, err := readHeader(p.Data)
		return err == nil && hd.node != a.link.node && p.At.Epoch == at.Epoch && p.At.Offset <= at.Offset
	})
	if first < 0 {
		return at, a.spilled
	}
	begin = Position{at.Epoch, a.held[first].At.Offset - 1}
	if slices.ContainsFunc(a.waiters, func(w waiter) bool {
		since := w.joining.since
		return since.Epoch == at.Epoch && since.Offset > begin.Offset
	}) {
		return at, true
	}
	return begin, false
}

// merge takes what the Recorder has behind q.since, which is all up to a position. mu is held.
func (l *link) merge(t *topic, q question, missed []Packet, at Position) {
	a := t.across
	var how course
	switch {
	case a.isLive():
	case q.base == (Position{}):
		begin, misses := a.beginning(t, at)
		if l.adopt(t, begin); misses {
			l.counts.gaps.Add(1)
			t.reportGap(0)
		}
		switch {
		case q.since != Position{}:
		case begin != at:
			if t.keep.Messages > 0 {
				a.gaps++ // the Recorder is asked for all behind it. Otherwise settle takes what is held
			}
			return
		case len(missed) > 0: // the last message
			l.putBefore(t, missed, at.Offset)
			return
		}
	default:
		how = course{outage: a.outage, away: &away{t.era, t.offset}}
		t.beginEra(a.before)
		a.out, a.before = false, Position{}
	}
	n := 0
	for n < len(missed) && missed[n].At.Offset <= t.offset {
		n++
	}
	if r := &t.history; q.since.Epoch == t.era.epoch && q.since.Offset < r.floor && at.Offset >= r.floor {
		older, floor := missed[:n], q.since.Offset
		if extra := n - t.keep.Messages; q.fill && extra > 0 {
			older, floor = older[extra:], older[extra-1].At.Offset
		}
		l.putBefore(t, older, floor)
	}
	if q.gaps > 0 || a.isAwaitedAhead(t.offset, at) {
		if known := a.known(missed[n:]); known > 0 && how.away == nil {
			how.away = t.beginBehind(missed[n+known-1].At)
		}
		l.catchUpWith(t, missed[n:], at, how)
	}
	if how.outage != 0 {
		t.reportGap(how.outage) // these were not there before
	}
}

// beginBehind has members go on behind a message that they have had already, and that comes after others that they have not: of the positions before
// it they have none. The others get positions of a time of its own. mu is held.
func (t *topic) beginBehind(at Position) *away {
	t.across.link.counts.gaps.Add(1)
	t.reportGapAt(at, 0)
	return &away{era: &era{t, randomEpoch()}}
}

// catchUpWith takes messages that were missed. Members may have had some of the node's own while the broker was
// away. A message before the last of those has no position of its own for them: behind it, that one would come
// once more. mu is held.
func (l *link) catchUpWith(t *topic, missed []Packet, at Position, how course) {
	a := t.across
	last, held := a.known(missed)-1, a.heldPlaces()
	for i, p := range missed {
		if i >= last {
			how.away = nil
		}
		hd, rest, err := readHeader(p.Data)
		v, known := a.compare(hd)
		if how.live && (p.Prev > t.offset || p.Prev == 0 && err == nil && v == missing) { // what is missing before it is not in the history
			t.history.begin(p.At.Offset - 1)
		}
		if err == nil && v == missing && !how.live {
			a.neverRecorded(t, p.At, hd, known, how.away)
		}
		if err == nil && v != old {
			r := routes.Get().(*route)
			how.held = held[p.At]
			err = l.take(r, t, p.At.Offset, hd, rest, how)
			r.done()
		} else {
			t.skip(p.At.Offset)
		}
		if err != nil {
			l.refuse(t.name, err)
		}
	}
	if at.Offset > t.offset {
		t.skip(at.Offset)
	}
}

// heldPlaces are the positions of what is held. mu is held.
func (a *across) heldPlaces() map[Position]bool {
	if len(a.held) == 0 {
		return nil
	}
	places := make(map[Position]bool, len(a.held))
	for _, p := range a.held {
		places[p.At] = true
	}
	return places
}

// putBefore puts older messages before those that the topic has. mu is held.
func (l *link) putBefore(t *topic, older []Packet, floor uint64) {
	var all []*publication
	last := make(map[uint64]number)
	offset := t.offset
	for _, p := range older {
		hd, rest, err := readHeader(p.Data)
		known, ok := last[hd.node]
		v := hd.number.compare(known, ok)
		if err != nil || v == old {
			continue
		}
		if v == missing || !ok && floor == 0 && hd.number.n > 1 { // behind floor 0 is all that the Recorder ever had
			t.across.tear(p.At)
		}
		last[hd.node] = hd.number
		if p.At.Offset > t.history.floor {
			continue // the topic has it, and did not know what is before it
		}
		t.across.note(hd) // it may come once more, if its publisher did not hear that it was taken
		var m conn.Message
		if m, err = readMessage(rest); err != nil {
			continue
		}
		t.offset = p.At.Offset - 1
		if pub := l.make(t, m); pub != nil {
			pub.era, pub.offset, pub.at = t.era, p.At.Offset, l.hub.now()
			pub.message.SetTag(session.Tag{Of: pub.era, Number: pub.offset})
			all = append(all, pub)
		}
	}
	t.offset = offset
	t.across.whole = t.across.whole || floor == 0
	r := &t.history
	if n := len(all); t.keep.Last && n > 0 && r.last == nil {
		r.last = all[n-1].hold()
	}
	if t.keep.Messages > 0 && floor < r.floor {
		r.prepend(all, floor)
		l.hub.aging.list(t)
	}
	release(all)
}

// sendPending hands over messages that waited for the topic to have a position. It reports whether the outbox had no room for one of them: that one
// does not come back. mu is held.
func (t *topic) sendPending() (lost bool) {
	a := t.across
	if a == nil {
		return false
	}
	for i := range a.pending {
		if p := &a.pending[i]; p.number == (number{}) {
			n, ok := a.link.outbox.add(a.link, kindMessage, t.name, t.keep, p.body, true)
			p.number, p.lost, p.since = n, !ok, time.Now() // not before it is in the outbox: see tickReturns
			lost = lost || !ok
		}
	}
	if lost {
		a.lostOwn(t)
	}
	return lost
}

// sendOrMiss is sendPending for members that get these messages only when they come back. What is lost is a gap. mu is held.
func (t *topic) sendOrMiss() {
	if !t.sendPending() {
		return
	}
	a := t.across
	a.pending = slices.DeleteFunc(a.pending, func(p pending) bool {
		if p.lost {
			a.link.returns.remove(p.size())
		}
		return p.lost
	})
	a.link.counts.gaps.Add(1)
	reportAll(t)
}

// settle goes on with a topic that is where the Recorder was when it answered, or that begins before what is held. If there was a gap since the
// Recorder was asked, or if what is held does not reach up to it, it is asked again. mu is held.
func (l *link) settle(t *topic, q question, at Position) {
	a := t.across
	a.adrift, a.returning, a.coming = false, false, number{} // what was coming lies before the answer
	if a.gaps == q.gaps {
		a.gaps = 0
	}
	a.tearLost(t)
	t.sendOrMiss()
	spilled, seen := a.spilled, Position{}
	if spilled {
		l.reportPatterns(t.name)
	}
	for _, p := range a.takeHeld() {
		if p.At.Epoch == seen.Epoch && p.At.Offset <= seen.Offset {
			continue // it came for a pattern too
		}
		seen = p.At
		if hd, rest, err := readHeader(p.Data); err == nil {
			r := routes.Get().(*route)
			l.applyHeld(r, t, p, hd, rest)
			r.done()
		}
	}
	switch {
	case spilled, a.gaps == 0 && q.base == Position{} && at.Epoch == t.era.epoch && t.offset < at.Offset:
		t.catchUp()
	case a.gaps > 0:
		t.want()
	}
}

// applyHeld takes a message that was held.
func (l *link) applyHeld(r *route, t *topic, p Packet, hd header, rest []byte) {
	if t.across.gaps > 0 {
		t.across.hold(p)
		return
	}
	if err := l.apply(r, t, p, hd, rest, false); err != nil {
		l.refuse(t.name, err)
	}
}
