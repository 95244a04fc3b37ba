package topics

import (
	"sync"
	"time"
)

// outbox is what waits for the broker, within a bound: in order, but for topics that the broker refuses. It numbers what it is given.
type outbox struct {
	mu      sync.Mutex
	most    int    // bytes
	packets        // guarded by mu: without those of postponed topics
	bytes   int    // guarded by mu
	put     uint64 // guarded by mu: how many packets were ever put into it
	lost    uint64 // guarded by mu: messages
	series  uint64 // guarded by mu: the newest
	topics  map[string]*published
	quiet   [len(repeats)][]*published // guarded by mu: those that wait for a repetition, in order

	refusals

	batch []Packet   // owned by the worker
	turn  *postponed // owned by the worker: whose first packets batch has; nil: those of others
	given time.Time  // owned by the worker: when it was made

	clock time.Duration // owned by the worker: time in which batches were made. Of an outage breakPauses count
}

// waiting is a packet that waits.
type waiting struct {
	Packet
	size  int
	since time.Time
	of    *published // nil: it is a census
	at    uint64     // how many packets were put before it, and itself
	tried time.Time  // when the broker was first given it, and did not take it. It may have arrived

	refusedAt time.Duration // on outbox.clock: when it was first the one that the broker did not take; 0: never
}

// isStale reports whether the broker was first given it long ago: see outbox.giveUp.
func (w *waiting) isStale(now time.Time) bool {
	return !w.tried.IsZero() && now.Sub(w.tried) > numbersKept
}

// packets is a queue of them.
type packets struct {
	queue   []waiting // from first on
	first   int
	refused time.Time // since when each call that gave some of them has failed
}

func (q *packets) isEmpty() bool { return q.first == len(q.queue) }

// all is what is in the queue.
func (q *packets) all() []waiting { return q.queue[q.first:] }

// forget forgets the first packets.
func (q *packets) forget(n int) {
	clear(q.all()[:n])
	q.first += n
	switch {
	case q.isEmpty() && cap(q.queue) > 1<<12:
		q.queue, q.first = nil, 0
	case q.isEmpty():
		q.queue, q.first = q.queue[:0], 0
	case q.first > 1<<10 && q.first > len(q.queue)/2:
		left := copy(q.queue, q.all())
		clear(q.queue[left:])
		q.queue, q.first = q.queue[:left], 0
	}
}

// merge puts packets back to where they were. Both are in the order in which they were put.
func (q *packets) merge(back []waiting) {
	from := len(q.queue) - 1
	q.queue = append(q.queue, back...)
	for to := len(q.queue) - 1; len(back) > 0; to-- {
		if last := len(back) - 1; from < q.first || q.queue[from].at < back[last].at {
			q.queue[to], back = back[last], back[:last]
		} else {
			q.queue[to] = q.queue[from]
			from--
		}
	}
}

// Bounds of a batch, and what a packet counts besides its bytes: what the outbox keeps of it, and room that its list has not filled.
const (
	maxBatchPackets = 512
	maxBatchBytes   = 1 << 20
	packetCost      = 192
)

// add puts a message into the outbox, or something else that is not repeated. must is set for what is
// published in any case: if there is no room it is numbered and counted as lost. Otherwise it is refused. The body belongs to the outbox then.
func (o *outbox) add(l *link, kind kind, topic string, keep History, body []byte, must bool) (n number, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	size := len(topic) + len(body) + packetCost
	full := !o.hasRoom(kind, topic, size)
	if full && !must {
		return n, false
	}
	var of *published
	if kind == kindMessage {
		of = o.publish(topic)
		n = of.number
	}
	if full {
		if kind == kindMessage {
			o.lost++
			of.lose(n.n)
		}
		return n, false
	}
	o.append(Packet{Topic: topic, Data: header{kind, l.node, n}.before(body), Keep: keep}, size, of)
	l.rouse()
	return n, true
}

// hasRoom reports whether there is room for so many bytes. Topics that the broker refuses have half of the outbox. Censuses have half of the rest, if
// nothing else is there. So they leave room for messages, and for each other. mu is held.
func (o *outbox) hasRoom(kind kind, topic string, size int) bool {
	switch {
	case o.postponed[topic] != nil && o.apartBytes > o.most/2:
		return false
	case kind == kindCensus && o.bytes-o.apartBytes+size > (o.most-o.apartBytes)/2:
		return false
	}
	return o.bytes+size <= o.most
}

// addCensus puts the parts of a census into the outbox. If there is no room for all, none is put: a part alone tells nothing.
func (o *outbox) addCensus(l *link, topic string, parts [][]byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	cost, size := len(topic)+packetCost, 0
	for _, b := range parts {
		size += cost + len(b)
	}
	if !o.hasRoom(kindCensus, topic, size) {
		return false
	}
	for _, b := range parts {
		o.append(Packet{Topic: topic, Data: header{kindCensus, l.node, number{}}.before(b)}, cost+len(b), nil)
	}
	l.rouse()
	return true
}

// append appends a packet. mu is held.
func (o *outbox) append(p Packet, size int, of *published) {
	o.put++
	if of != nil {
		of.waits++
	}
	to := &o.packets
	if r := o.postponed[p.Topic]; r != nil {
		to = &r.packets
		o.apartBytes += size
	}
	to.queue = append(to.queue, waiting{Packet: p, size: size, since: time.Now(), of: of, at: o.put})
	o.bytes += size
}

// peek is the first packets that wait, as many as one batch may have. They are of the topic whose turn it is to be given again, or of others. By the
// worker.
func (o *outbox) peek() []Packet {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.batch)
	now := time.Now()
	o.clock += min(now.Sub(o.given), breakPauses*firstPause)
	o.batch, o.given = o.batch[:0], now
	o.turn = o.next(o.isEmpty(), o.given)
	from := &o.packets
	if o.turn != nil {
		from = &o.turn.packets
	}
	bytes, most := 0, o.mostPackets()
	for _, w := range from.all() {
		if len(o.batch) == most || bytes > maxBatchBytes || w.isStale(o.given) {
			break
		}
		o.batch = append(o.batch, w.Packet)
		bytes += len(w.Data)
	}
	return o.batch
}

// remove removes the first packets of the batch, which the broker has taken. failed: it has not taken the next one, and absent, that is not for the
// topic's sake: it refuses all else too, or the connection is lost. What is lost then is returned, and whether the broker is to be given more at once.
func (o *outbox) remove(n int, failed, absent bool) (lost []Packet, more bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	r, from, left := o.turn, &o.packets, len(o.batch)-n
	if r != nil {
		from = &r.packets
	}
	clear(o.batch)
	o.batch = o.batch[:0]
	for i := range from.all()[:n] {
		from.all()[i].noteTaken()
	}
	o.drop(from, n)
	o.note(failed)
	switch {
	case !failed:
		from.refused, more = time.Time{}, true
		if r != nil {
			o.comeBack(&o.packets, o.given)
		}
	case left == 0:
	case absent:
		o.markTried(from, left)
		lost = o.refuse(from, absentPauses*firstPause)
	default:
		o.markTried(from, left)
		if r == nil {
			r = o.postpone(from)
		}
		o.wait(r)
		lost, more = o.refuse(&r.packets, refusedPauses*firstPause), o.goesOn()
	}
	if r != nil && r.isEmpty() {
		o.end(r)
	}
	return lost, more
}

// markTried notes that the broker was given the first packets, and did not take them. mu is held.
func (o *outbox) markTried(q *packets, n int) {
	for i := range q.all()[:n] {
		if w := &q.all()[i]; w.tried.IsZero() {
			w.tried = o.given
		}
	}
}

// refuse notes that the first packet was refused. It is lost if it has waited for long, and calls have failed for as long: they may also fail for a
// while after an outage, in which all has waited. It may have arrived all the same. mu is held.
func (o *outbox) refuse(q *packets, long time.Duration) (lost []Packet) {
	if q.refused.IsZero() {
		q.refused = time.Now()
	}
	first, before := &q.all()[0], o.given.Add(-long)
	if first.refusedAt == 0 {
		first.refusedAt = o.clock
	}
	if q.refused.Before(before) && first.since.Before(before) || o.clock-first.refusedAt > triedPauses*firstPause ||
		first.isRepeated() {
		lost = append(lost, o.lose(q))
	}
	return lost
}

// lose drops the first packet, which the broker has not taken. mu is held.
func (o *outbox) lose(q *packets) Packet {
	w := &q.all()[0]
	p := w.Packet
	if kindOf(p.Data) == kindMessage {
		o.lost++
	}
	w.noteLost()
	o.drop(q, 1)
	return p
}

// drop drops the first packets. mu is held.
func (o *outbox) drop(q *packets, n int) {
	for _, w := range q.all()[:n] {
		o.bytes -= w.size
		if q != &o.packets {
			o.apartBytes -= w.size
		}
		if w.of != nil {
			w.of.waits--
		}
	}
	q.forget(n)
}

// giveUp removes packets that the broker was first given long ago, and did not confirm. Other nodes may have them, and do not know their numbers any
// more: they would take them for new ones. Of topics that are postponed, the one is looked at whose turn is next. By the worker.
func (o *outbox) giveUp(now time.Time) (lost []Packet) {
	o.mu.Lock()
	defer o.mu.Unlock()
	stale := func(q *packets) {
		for !q.isEmpty() && q.all()[0].isStale(now) {
			lost = append(lost, o.lose(q))
		}
	}
	stale(&o.packets)
	for len(o.turns) > 0 {
		r := o.turns[0]
		if stale(&r.packets); !r.isEmpty() {
			break
		}
		o.end(r)
	}
	return lost
}

// marks are how many packets were put into it, and how many of the first of those have left it, or are of postponed topics.
func (o *outbox) marks() (put, gone uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.isEmpty() {
		return o.put, o.put
	}
	return o.put, o.all()[0].at - 1
}

// has reports whether it has something of a topic that is postponed, among so many packets that were put into it first. It is not waited for if the
// topic has been refused for long: it may be lost one by one. What the broker takes of it late, the topic knows: see across.isKnown.
func (o *outbox) has(topic string, mark uint64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	r := o.postponed[topic]
	return r != nil && r.all()[0].at <= mark && (r.refused.IsZero() || time.Since(r.refused) <= refusedPauses*firstPause)
}

// waitsSince is since when the packet waits that is given before all others, if there is one; for a topic that is postponed, before all others of it.
func (o *outbox) waitsSince(topic string) (since time.Time, waits bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	q := &o.packets
	if r := o.postponed[topic]; r != nil {
		q = &r.packets
	}
	if q.isEmpty() {
		return since, false
	}
	return q.all()[0].since, true
}

// oldest is since when the packet waits that has waited for longest, if there is one. mu is held.
func (o *outbox) oldest() (since time.Time, waits bool) {
	if !o.isEmpty() {
		since, waits = o.all()[0].since, true
	}
	for _, r := range o.turns {
		if first := r.all()[0].since; !waits || first.Before(since) {
			since, waits = first, true
		}
	}
	return since, waits
}

// waits reports whether something waits.
func (o *outbox) waits() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.isEmpty() || len(o.turns) > 0
}
