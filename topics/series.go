package topics

import "time"

// published is what the node has published to a topic. Guarded by outbox.mu.
type published struct {
	topic    string
	number   number
	due      time.Time // of the next repetition
	repeated number    // what it would repeat; if there is more, the topic is not quiet
	waits    int       // how many messages and numbers of it are in the outbox
	lost     uint64    // the last message that was lost, while the broker has taken nothing behind it that tells of that; 0: there is none
	left     uint64    // the last message that was lost; 0: there is none
	tries    uint8     // how often the number that tells of it was refused
	skips    uint8     // repetitions that are left out before it is given again
}

// repeats are the pauses after which the number of a quiet topic's last message is sent once more, so that
// nodes that missed the message notice. Behind the last one the topic's series ends. While the outbox has no room they wait, or has something of the
// topic. See longestSilence.
var repeats = [...]time.Duration{time.Second, 2 * time.Second, 4 * time.Second}

// maxUnreported is how many topics have a number that waits for room in the outbox, or that is repeated until the broker takes it. Beyond it a topic's
// series ends, and what was lost at its end is counted here, and not noticed by other nodes.
const maxUnreported = 1 << 17

// maxDoubled is how often the pause doubles behind a number that is refused: up to 16 seconds.
const maxDoubled = 2

// publish numbers a message. mu is held.
func (o *outbox) publish(topic string) *published {
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
	return p
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
			switch next := o.repeatOne(l, p, stage); next {
			case len(repeats):
				delete(o.topics, p.topic)
			case stage:
				p.due = now.Add(repeats[next])
				queue = append(queue, p)
			default:
				p.due = now.Add(repeats[next])
				o.quiet[next] = append(o.quiet[next], p)
			}
		}
		o.quiet[stage] = queue
	}
	if !o.isEmpty() || len(o.turns) > 0 {
		l.rouse()
	}
}

// repeatOne sends the number of a topic, if that is due and there is room. It returns the next stage of the topic. If a message was lost at the end of
// the series, that does not end before the broker has taken its number. mu is held.
func (o *outbox) repeatOne(l *link, p *published, stage int) (next int) {
	size := len(p.topic) + maxHeader + packetCost
	stays := len(o.topics) <= maxUnreported
	switch {
	case p.repeated != p.number: // it was not quiet
		p.repeated = p.number
		return 0
	case stays && p.skips > 0:
		p.skips--
		return stage
	case p.waits == 0 && o.hasRoom(kindLast, p.topic, size):
		if p.tries > 0 {
			o.apart(p.topic)
		}
		o.append(Packet{Topic: p.topic, Data: header{kindLast, l.node, p.number}.append(nil)}, size, p)
		stays = stays && p.lost > 0 && stage == len(repeats)-1
	}
	if stays {
		return stage
	}
	return stage + 1
}

// noteTaken notes that the broker has taken a packet. It tells other nodes of what was lost before it. mu is held.
func (w *waiting) noteTaken() {
	if w.of == nil || w.of.lost == 0 {
		return
	}
	if hd, _, err := readHeader(w.Data); err == nil && hd.number.n >= w.of.lost {
		w.of.lost, w.of.tries, w.of.skips = 0, 0, 0
	}
}

// lose notes that a message is lost. mu is held.
func (p *published) lose(n uint64) { p.lost, p.left = max(p.lost, n), max(p.left, n) }

// noteLost notes that a packet is lost. mu is held.
func (w *waiting) noteLost() {
	hd, _, err := readHeader(w.Data)
	switch {
	case err != nil || w.of == nil:
	case hd.kind == kindMessage:
		w.of.lose(hd.number.n)
	case w.of.lost > 0:
		w.of.tries = min(w.of.tries+1, maxDoubled)
		w.of.skips = 1<<w.of.tries - 1
	}
}

// lastLost is the number of the last message of a topic that was lost; zero: nothing was, in this series.
func (o *outbox) lastLost(topic string) number {
	o.mu.Lock()
	defer o.mu.Unlock()
	if p := o.topics[topic]; p != nil && p.left > 0 {
		return number{p.number.series, p.left}
	}
	return number{}
}

// isRepeated reports whether the packet is a number that is given again later anyway. mu is held.
func (w *waiting) isRepeated() bool {
	return w.of != nil && w.of.lost > 0 && kindOf(w.Data) == kindLast
}
