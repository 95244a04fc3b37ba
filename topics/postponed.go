package topics

import (
	"cmp"
	"slices"
	"time"
)

// refusals are the topics of which the broker has refused a message. Each waits for a while, apart from others, with all that is published to it
// meanwhile: its order stays, and others are not held up. Guarded by outbox.mu.
type refusals struct {
	postponed map[string]*postponed
	turns     []*postponed // the same, in the order of their turns
	again     bool         // the last batch was one of theirs
	taken     uint64       // calls that took something
	row       int          // calls in a row that took nothing
	counted   time.Time    // when a refusal last counted although nothing had been taken since the one before
	timer     *time.Timer  // of the next turn
}

// postponed is one of these topics.
type postponed struct {
	packets
	topic string
	due   time.Time // when it is given again
	taken uint64    // refusals.taken when it was last refused
}

// What a refusal counts, and with how much the message is lost: with the third one or, while the broker takes no interest either and may be away,
// with the hundredth. That takes ten seconds. If the broker takes nothing at all, it may not be ready. Then one refusal counts for each firstPause,
// whichever topic it is of.
const (
	failsOnce   = 34
	failsAbsent = 1
	maxFails    = 100
)

// next is the topic whose turn it is; nil: others are given. They and these topics take turns. mu is held.
func (f *refusals) next(noOthers bool, now time.Time) *postponed {
	f.again = len(f.turns) > 0 && !f.turns[0].due.After(now) && (noOthers || !f.again)
	if !f.again {
		return nil
	}
	return f.turns[0]
}

// note notes how much a call took. mu is held.
func (f *refusals) note(n int) {
	if f.row++; n > 0 {
		f.row = 0
		f.taken++
	}
}

// goesOn reports whether the broker may be given more at once, after a refusal: a few topics may be refused before one that is not. mu is held.
func (f *refusals) goesOn() bool {
	if f.row < maxRefusals {
		return true
	}
	f.row = 0
	return false
}

// postpone takes the topic of the first packet out of a queue. mu is held.
func (f *refusals) postpone(from *packets) *postponed {
	r := &postponed{topic: from.all()[0].Topic, taken: f.taken}
	stay := from.queue[:from.first]
	for _, w := range from.all() {
		if w.Topic == r.topic {
			r.queue = append(r.queue, w)
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

// wait has a topic wait for its next turn. mu is held.
func (f *refusals) wait(r *postponed) {
	f.leave(r)
	r.due = time.Now().Add(firstPause)
	f.turns = append(f.turns, r)
}

// comeBack has the topics whose turn has come wait with others again: the broker takes what it has refused, and need not be given each by itself. mu
// is held.
func (f *refusals) comeBack(others *packets, now time.Time) {
	n := 0
	for ; n < len(f.turns) && !f.turns[n].due.After(now); n++ {
		others.queue = append(others.queue, f.turns[n].all()...)
		delete(f.postponed, f.turns[n].topic)
	}
	f.turns = slices.Delete(f.turns, 0, n)
	slices.SortFunc(others.all(), func(a, b waiting) int { return cmp.Compare(a.at, b.at) }) // see outbox.marks
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

// counts is what a refusal counts, behind n messages that the same call took. mu is held.
func (f *refusals) counts(r *postponed, n int) int {
	took := n > 0 || f.taken > r.taken
	if r.taken = f.taken; took {
		return failsOnce
	}
	if now := time.Now(); now.Sub(f.counted) >= firstPause {
		f.counted = now
		return failsOnce
	}
	return 0
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
