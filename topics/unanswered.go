package topics

import (
	"maps"
	"slices"
	"time"
)

// longestAnswer is how long members wait while a Recorder answers no question at all. An answer may have as much as MaxBacklog, so
// that it takes longer than a call of Publish.
const longestAnswer = 2 * time.Second

func (k *linking) longestAnswer() time.Duration {
	for _, set := range []int64{k.answered.Load(), k.within.Load()} {
		if set > 0 {
			return time.Duration(set)
		}
	}
	return longestAnswer
}

// watch begins to watch whether the Recorder answers, while it is asked, or ends that. mu is held.
func (q *asks) watch(l *link) {
	asked := !q.closed && len(q.failed) > 0
	for _, askers := range q.askers {
		asked = asked || askers > 0 && !q.closed
	}
	switch {
	case asked && q.timer == nil:
		q.answered = time.Now()
		q.watchFor(l, l.hub.linking.longestAnswer())
	case !asked && q.timer != nil:
		if q.timer.Stop() {
			l.running.Done()
		}
		q.timer = nil
		q.watches++
	}
}

// watchFor looks after a while. mu is held.
func (q *asks) watchFor(l *link, d time.Duration) {
	q.watches++
	this := q.watches
	l.running.Add(1)
	q.timer = time.AfterFunc(d, func() {
		defer l.running.Done()
		q.look(l, this)
	})
}

// begin notes that a question about a topic is put.
func (q *asks) begin(t *topic) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.opened(t)
}

// noteAnswer notes that the Recorder has answered about a topic from a queue.
func (q *asks) noteAnswer(t *topic, queue int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.answered = time.Now()
	if queue == 0 {
		q.heard = q.answered
	}
	delete(q.open, t)
}

// look has topics go on that have waited for too long. If the Recorder answers nothing, these are all. If it answers some, these are topics whose
// question is put, because the others wait for their turn. If the first queue had no answer for longest, topics in it go on too, after four times
// longest.
func (q *asks) look(l *link, watch uint64) {
	q.mu.Lock()
	if q.watches != watch {
		q.mu.Unlock()
		return
	}
	longest := l.hub.linking.longestAnswer()
	left := longest - time.Since(q.answered)
	open := slices.Collect(maps.Keys(q.open))
	var queued []*topic
	if time.Since(q.heard) > longest {
		queued = slices.Clone(q.queues[0])
	}
	q.mu.Unlock()
	if left <= 0 {
		left = goOnOf(l, l.hub.allTopics(), longest)
	} else {
		left = min(left, goOnOf(l, open, longest), goOnOf(l, queued, 4*longest))
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.watches == watch {
		q.watchFor(l, lookAfter(left, longest))
	}
}

// lookAfter is the pause before the next look. left is when the next topic has waited for longest. The pause is never very short, so topics that
// begin to wait one soon after another share a look.
func lookAfter(left, longest time.Duration) time.Duration {
	return max(left, min(longest/64, 20*time.Millisecond))
}

// goOnOf has those of some topics go on that have waited for so long. It returns when the next one has.
func goOnOf(l *link, topics []*topic, longest time.Duration) (next time.Duration) {
	next = longest
	waited := 0
	var done []*topic
	for _, t := range topics {
		switch left, waits := t.goOnWithout(longest); {
		case waits && left > 0:
			next = min(next, left)
			continue
		case waits:
			waited++
		}
		done = append(done, t)
	}
	l.asks.shut(done...)
	if waited > 0 {
		l.logger.Warn("framerail: the broker of topics does not answer what was missed; members of this node do not wait for it", "topics", waited)
	}
	return next
}

// shut notes that topics need not be looked at any more.
func (q *asks) shut(done ...*topic) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range done {
		delete(q.open, t)
	}
}

// goOnWithout has a topic go on without an answer, if it has waited for so long. It reports whether it waits for one, and how long it is to
// wait still.
func (t *topic) goOnWithout(longest time.Duration) (left time.Duration, waits bool) {
	t.mu.Lock()
	a := t.across
	misses := !a.isLive() || a.gaps > 0
	waits = !t.gone.Load() && a.confirmed && a.sent && !a.adrift && (misses || a.asking != 0 && len(a.waiters) > 0)
	if waits {
		left = longest - time.Since(a.asked)
	}
	over := waits && left <= 0
	switch {
	case over && !misses: // only those that join do, and have a no if what they miss is not here
		for _, w := range a.waiters {
			w.joining.tries = maxTries + 1
		}
		a.asked = time.Time{}
	case over && !a.returning && a.coming != number{}: // members have one gap, and go on behind all that they have had
		a.returning, a.asked = true, time.Now()
		left, over = longest, false
	case over:
		a.late = max(a.late, 1)
		t.goOn()
	}
	t.mu.Unlock()
	if over {
		t.rejoinLive()
	}
	return left, waits
}

// rejoinLive goes on with those that waited for the position of a topic.
func (t *topic) rejoinLive() {
	t.mu.Lock()
	a := t.across
	var waiters []waiter
	if a.isLive() {
		waiters, a.waiters = a.waiters, nil
	}
	t.mu.Unlock()
	t.rejoin(waiters)
}

// goOn has a topic go on with what has come while it waited for an answer, and with what comes now, behind a gap. If nothing has come, the next
// message says where the topic is. The caller must call rejoinLive, without mu. mu is held.
func (t *topic) goOn(now ...Packet) {
	a, l := t.across, t.across.link
	base := a.before
	if a.isLive() {
		base = t.position()
	}
	a.asked = time.Time{}
	passed := a.spilled // members of patterns may miss some of this: a member of the topic too would get it twice
	var held []Packet
	for _, p := range append(a.takeHeld(), now...) {
		if p.At.Epoch != base.Epoch || p.At.Offset > base.Offset {
			held = append(held, p)
		} else if hd, _, err := readHeader(p.Data); err == nil && hd.node != l.node { // the topic has it
			passed = true
		}
	}
	if passed {
		l.reportPatterns(t.name)
	}
	t.sendOrMiss()
	if len(held) == 0 {
		a.adrift = true
		return
	}
	how, known := course{live: true, away: &away{t.era, t.offset}}, a.known(held)
	if !a.out {
		how.away = &away{era: &era{t, randomEpoch()}}
	}
	a.pardon()
	a.forgive(held)
	a.missPending()
	t.beginEra(Position{held[0].At.Epoch, held[0].At.Offset - 1})
	a.synced, a.out, a.adrift, a.before, a.fill, a.whole = true, false, false, Position{}, Position{}, false
	a.asking, a.gaps, a.returning, a.coming, a.alone = 0, 0, false, number{}, false
	a.tearLost(t)
	at := t.position()
	if known > 0 { // behind it, what members have had would come once more
		at = held[known-1].At
	}
	l.counts.gaps.Add(1)
	t.reportGapAt(at, 0)
	l.reportPatterns(t.name)
	l.catchUpWith(t, held[:known], at, how)
	for _, p := range held[known:] {
		hd, rest, err := readHeader(p.Data)
		if err == nil {
			r := routes.Get().(*route)
			err = l.apply(r, t, p, hd, rest, true)
			r.done()
		}
		if err != nil {
			l.refuse(t.name, err)
		}
	}
}

// known is how many of these packets lie up to the last one of the node's own that members have had already.
func (a *across) known(held []Packet) (n int) {
	for i, p := range held {
		if p.At.Epoch != held[0].At.Epoch {
			break
		}
		if hd, _, err := readHeader(p.Data); err == nil && a.isKnown(hd) {
			n = i + 1
		}
	}
	return n
}

// forgive has the first packet of each node be the next one: what came before it lies in a gap.
func (a *across) forgive(held []Packet) {
	seen := make(map[uint64]bool)
	for _, p := range held {
		hd, _, err := readHeader(p.Data)
		if err != nil || seen[hd.node] || hd.number.n == 0 {
			continue
		}
		seen[hd.node] = true
		if known, ok := a.heard[hd.node]; ok && known.before(hd.number) && hd.node != a.link.node {
			a.link.counts.missed.Add(hd.number.between(known, true))
		}
		hd.number.n--
		a.note(hd)
	}
}
