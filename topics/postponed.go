package topics

import (
	"cmp"
	"slices"
	"time"
)

// refusals are the topics of which the broker has refused a message. Each waits for a while, apart from others, with all that is published to it
// meanwhile: its order stays, and others are not held up. Guarded by outbox.mu.
type refusals struct {
	postponed  map[string]*postponed
	turns      []*postponed // the same, in the order of their turns
	apartBytes int          // what theirs count of outbox.bytes
	again      bool         // the last batch was one of theirs
	row        int          // calls in a row that failed
	timer      *time.Timer  // of the next turn
}

// postponed is one of these topics.
type postponed struct {
	packets
	topic string
	due   time.Time // when it is given again
}

// For how long messages are given again that the broker refuses, in pauses: three seconds and, while it takes no interest either and may be away,
// ten. A broker that is not ready for less than that loses none, of whatever topics it refuses. They begin anew with a connection, but not for more
// than a minute: a message may be what ends the connections. An outage counts for six seconds of it at most. So one message is refused on about ten
// connections, and is given alone on one of them: see mostPackets.
const (
	refusedPauses = 30
	absentPauses  = 100
	triedPauses   = 600
	breakPauses   = 60
)

// next is the topic whose turn it is; nil: others are given. They and these topics take turns. mu is held.
func (f *refusals) next(noOthers bool, now time.Time) *postponed {
	f.again = len(f.turns) > 0 && !f.turns[0].due.After(now) && (noOthers || !f.again)
	if !f.again {
		return nil
	}
	return f.turns[0]
}

// note notes whether a call failed. mu is held.
func (f *refusals) note(failed bool) {
	if f.row++; !failed {
		f.row = 0
	}
}

// mostPackets is how many packets the broker is given at once. While calls fail they are fewer and fewer: what it took behind one that it refused it
// is given again. mu is held.
func (f *refusals) mostPackets() int { return max(1, maxBatchPackets>>f.row) }

// goesOn reports whether the broker may be given more at once, after a refusal: a few topics may be refused before one that is not. mu is held.
func (f *refusals) goesOn() bool { return f.row%maxRefusals != 0 }

// postpone takes the topic of the first packet out of a queue. mu is held.
func (f *refusals) postpone(from *packets) *postponed {
	r := &postponed{topic: from.all()[0].Topic}
	stay := from.queue[:from.first]
	for _, w := range from.all() {
		if w.Topic == r.topic {
			r.queue = append(r.queue, w)
			f.apartBytes += w.size
		} else {
			stay = append(stay, w)
		}
	}
	clear(from.queue[len(stay):])
	from.queue = stay
	from.forget(0) // if nothing is left
	if f.postponed == nil {
		f.postponed = make(map[string]*postponed)
	}
	f.postponed[r.topic] = r
	return r
}

// apart has what is put of a topic now wait apart from others. It is likely to be refused. mu is held, and something must be put.
func (f *refusals) apart(topic string) {
	if f.postponed[topic] != nil {
		return
	}
	if f.postponed == nil {
		f.postponed = make(map[string]*postponed)
	}
	r := &postponed{topic: topic, due: time.Now()}
	f.postponed[topic] = r
	f.turns = append(f.turns, r)
}

// wait has a topic wait for its next turn. mu is held.
func (f *refusals) wait(r *postponed) {
	f.leave(r)
	r.due = time.Now().Add(firstPause)
	f.turns = append(f.turns, r)
}

// comeBack has topics whose turn has come wait with others again: the broker takes what it has refused, and need not be given each by itself. mu
// is held: if there is very much, some comes back later.
func (f *refusals) comeBack(others *packets, now time.Time) {
	var back []waiting
	n := 0
	for ; n < len(f.turns) && !f.turns[n].due.After(now) && len(back) < maxBack; n++ {
		for _, w := range f.turns[n].all() {
			back = append(back, w)
			f.apartBytes -= w.size
		}
		delete(f.postponed, f.turns[n].topic)
	}
	f.turns = slices.Delete(f.turns, 0, n)
	slices.SortFunc(back, func(a, b waiting) int { return cmp.Compare(a.at, b.at) })
	others.merge(back) // see outbox.marks
}

// maxBack is with how many packets no further topic comes back at the same time.
const maxBack = 8 * maxBatchPackets

// renew has all be given again that was refused: the broker has a new connection, and may take it now.
func (o *outbox) renew() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.refused = time.Time{}
	for _, r := range o.turns {
		r.due, r.refused = time.Time{}, time.Time{}
	}
}

// end ends the waiting of a topic of which nothing is left. mu is held.
func (f *refusals) end(r *postponed) {
	delete(f.postponed, r.topic)
	f.leave(r)
}

// leave takes a topic out of the turns. mu is held.
func (f *refusals) leave(r *postponed) {
	if i := slices.Index(f.turns, r); i >= 0 {
		f.turns = slices.Delete(f.turns, i, i+1)
	}
}

// rouseLater has the worker look when the next turn comes.
func (o *outbox) rouseLater(l *link) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.turns) == 0 {
		return
	}
	left := time.Until(o.turns[0].due)
	if o.timer == nil {
		o.timer = time.AfterFunc(left, l.rouse)
	} else {
		o.timer.Reset(left)
	}
}
