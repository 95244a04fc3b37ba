package topics

import (
	"sync"
	"time"
)

// outbox is what waits for the broker, in order, within a bound. It numbers what it is given.
type outbox struct {
	mu     sync.Mutex
	most   int       // bytes
	queue  []waiting // guarded by mu: from first on
	first  int       // guarded by mu
	bytes  int       // guarded by mu
	put    uint64    // guarded by mu: how many packets were ever put into it
	gone   uint64    // guarded by mu: how many of those have left it
	lost   uint64    // guarded by mu: messages
	fails  int       // guarded by mu: what calls in a row that took nothing count
	series uint64    // guarded by mu: the newest
	topics map[string]*published
	quiet  [len(repeats)][]*published // guarded by mu: those that wait for a repetition, in order

	batch []Packet    // owned by the worker
	given time.Time   // owned by the worker: when it was made
	tried []time.Time // owned by the worker: of the first packets, when the broker was first given them. They may have arrived
}

// waiting is a packet that waits.
type waiting struct {
	Packet
	size  int
	since time.Time
}

// published is what the node has published to a topic. Guarded by outbox.mu.
type published struct {
	topic    string
	number   number
	due      time.Time // of the next repetition
	repeated number    // what it would repeat; if there is more, the topic is not quiet
}

// repeats are the pauses after which the number of a quiet topic's last message is sent once more, so that
// nodes that missed the message notice. Behind the last one the topic's series ends. While the outbox has no room they wait.
// See longestSilence.
var repeats = [...]time.Duration{time.Second, 2 * time.Second, 4 * time.Second}

// maxUnreported is how many topics have a number that waits for room in the outbox. Beyond it a topic's series ends, and what was lost at its
// end is counted here, and not noticed by other nodes.
const maxUnreported = 1 << 17

// Bounds of a batch, and what a packet counts besides its bytes.
const (
	maxBatchPackets = 512
	maxBatchBytes   = 1 << 20
	packetCost      = 128
)

// add puts a message into the outbox, or something else that is not repeated. must is set for what is
// published in any case: if there is no room it is numbered and counted as lost. Otherwise it is refused. A census is refused if the
// outbox is half full, so that very many leave room for messages. The body belongs to the outbox then.
func (o *outbox) add(l *link, kind kind, topic string, keep History, body []byte, must bool) (n number, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	size := len(topic) + len(body) + packetCost
	full := o.bytes+size > o.most || kind == kindCensus && o.bytes > o.most/2
	if full && !must {
		return n, false
	}
	if kind == kindMessage {
		n = o.number(topic)
	}
	if full {
		if kind == kindMessage {
			o.lost++
		}
		return n, false
	}
	o.append(Packet{Topic: topic, Data: header{kind, l.node, n}.before(body), Keep: keep}, size)
	l.rouse()
	return n, true
}

// append appends a packet. mu is held.
func (o *outbox) append(p Packet, size int) {
	o.put++
	o.queue = append(o.queue, waiting{p, size, time.Now()})
	o.bytes += size
}

// number numbers a message. mu is held.
func (o *outbox) number(topic string) number {
	p := o.topics[topic]
	if p == nil {
		o.series++
		p = &published{topic: topic, number: number{series: o.series}, due: time.Now().Add(repeats[0])}
		if o.topics == nil {
			o.topics = make(map[string]*published)
		}
		o.topics[topic] = p
		p.repeated = number{o.series, 1}
		o.quiet[0] = append(o.quiet[0], p)
	}
	p.number.n++
	return p.number
}

// repeat sends the numbers of quiet topics once more.
func (o *outbox) repeat(l *link, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for stage := range o.quiet {
		queue := o.quiet[stage]
		for len(queue) > 0 && !queue[0].due.After(now) {
			p := queue[0]
			queue = queue[1:]
			next := stage + 1
			size := len(p.topic) + maxHeader + packetCost
			switch {
			case p.repeated != p.number: // it was not quiet
				p.repeated, next = p.number, 0
			case o.bytes+size <= o.most:
				o.append(Packet{Topic: p.topic, Data: header{kindLast, l.node, p.number}.append(nil)}, size)
			case len(o.topics) <= maxUnreported: // there is no room, and the number may be that of a message that found none
				next = stage
			}
			switch {
			case next == len(repeats):
				delete(o.topics, p.topic)
			case next == stage:
				p.due = now.Add(repeats[next])
				queue = append(queue, p)
			default:
				p.due = now.Add(repeats[next])
				o.quiet[next] = append(o.quiet[next], p)
			}
		}
		o.quiet[stage] = queue
	}
	if o.first < len(o.queue) {
		l.rouse()
	}
}

// peek is the first packets that wait, as many as one batch may have. By the worker.
func (o *outbox) peek() []Packet {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.batch)
	o.batch, o.given = o.batch[:0], time.Now()
	bytes := 0
	for _, w := range o.queue[o.first:] {
		if len(o.batch) == maxBatchPackets || bytes > maxBatchBytes {
			break
		}
		o.batch = append(o.batch, w.Packet)
		bytes += len(w.Data)
	}
	return o.batch
}

// What a call that took nothing counts, and with how much the first message is lost: with the third call or, while the broker takes no interest
// either and may be away, with the hundredth. That takes ten seconds.
const (
	failsOnce   = 34
	failsAbsent = 1
	maxFails    = 100
)

// remove removes the first packets, which the broker has taken. What it has not taken in three calls in a row is lost, also if connections
// ended with these calls: a message may be why. It may have arrived all the same. It is returned then. absent: the broker refuses all else too.
func (o *outbox) remove(n int, failed, absent bool) (lost Packet) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case n > 0 || !failed:
		o.fails = 0
	case absent:
		o.fails += failsAbsent
	default:
		o.fails += failsOnce
	}
	if o.fails >= maxFails && o.first+n < len(o.queue) {
		o.fails = 0
		if lost = o.queue[o.first+n].Packet; kindOf(lost.Data) == kindMessage {
			o.lost++
		}
		n++
	}
	o.drop(n)
	for left := len(o.batch) - n; failed && len(o.tried) < left; {
		o.tried = append(o.tried, o.given)
	}
	clear(o.batch)
	o.batch = o.batch[:0]
	return lost
}

// giveUp removes packets that the broker was first given long ago, and did not confirm. Other nodes may have them, and do not know their numbers any
// more: they would take them for new ones. By the worker.
func (o *outbox) giveUp(now time.Time) (lost []Packet) {
	if len(o.tried) == 0 || now.Sub(o.tried[0]) <= numbersKept {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.tried) > len(lost) && now.Sub(o.tried[len(lost)]) > numbersKept {
		p := o.queue[o.first+len(lost)].Packet
		if kindOf(p.Data) == kindMessage {
			o.lost++
		}
		lost = append(lost, p)
	}
	o.drop(len(lost))
	o.fails = 0
	return lost
}

// drop drops the first packets. mu is held.
func (o *outbox) drop(n int) {
	o.gone += uint64(n)
	o.tried = o.tried[min(n, len(o.tried)):]
	for range n {
		o.bytes -= o.queue[o.first].size
		o.queue[o.first] = waiting{}
		o.first++
	}
	switch {
	case o.first == len(o.queue) && cap(o.queue) > 1<<12:
		o.queue, o.first = nil, 0
	case o.first == len(o.queue):
		o.queue, o.first = o.queue[:0], 0
	case o.first > 1<<10 && o.first > len(o.queue)/2:
		left := copy(o.queue, o.queue[o.first:])
		clear(o.queue[left:])
		o.queue, o.first = o.queue[:left], 0
	}
}

// marks are how many packets were put into it, and have left it.
func (o *outbox) marks() (put, gone uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.put, o.gone
}

// waitsSince is since when the first packet waits, if there is one.
func (o *outbox) waitsSince() (since time.Time, waits bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.first == len(o.queue) {
		return since, false
	}
	return o.queue[o.first].since, true
}

// waits reports whether something waits.
func (o *outbox) waits() bool {
	_, waits := o.waitsSince()
	return waits
}
