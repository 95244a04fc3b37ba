package topics

import (
	"sync"
	"time"
)

// verdict is what the number of a message says.
type verdict uint8

const (
	fresh   verdict = iota // it is the next one, or the first that is known of its publisher
	missing                // one before it did not come
	old                    // it was there before
	unheard                // nothing that comes right before it is known, and it is not the first of its series
)

// compare is the verdict about a number, if that one is the last that is known of its publisher.
func (n number) compare(known number, isKnown bool) verdict {
	switch {
	case !isKnown:
		return fresh
	case !known.before(n):
		return old
	case n.series == known.series && n.n == known.n+1, n.series > known.series && n.n == 1:
		return fresh
	}
	return missing
}

// between is how many messages lie between a number and the last one that is known of its publisher, which is before it. Of an older series
// what lay at its end is not known.
func (n number) between(known number, isKnown bool) uint64 {
	first := uint64(1)
	if isKnown && n.series == known.series {
		first = known.n + 1
	}
	return max(n.n, first) - first
}

// heard are the last numbers of what other nodes publish, by topic and node. A topic of which nothing is heard leaves now and before after a
// minute or two: its publishers' series are over by then.
//
// When a connection or an interest is new, what was published before it is not missing. But a publisher may send a
// message again whose confirmation it did not get. So numbers that have left now and before stay in over, for numbersKept at least, and
// for twice that at most.
type heard struct {
	mu          sync.Mutex
	now, before numbers
	rotated     time.Time

	over, overBefore numbers
	overRotated      time.Time
}

// numbersKept is how long a number is known at least. An outbox sends nothing again that it has sent before that: see outbox.giveUp.
const numbersKept = 10 * time.Minute

// Bounds of what is known. Beyond them any is forgotten.
const (
	maxHeardNodes = 1 << 10 // of a topic
	maxOver       = 1 << 17 // topics, in over and in overBefore
)

// numbers are numbers by topic and node.
type numbers map[string]map[uint64]number

// add adds those of a topic.
func (s *numbers) add(topic string, nodes map[uint64]number) {
	if len(nodes) == 0 {
		return
	}
	if *s == nil {
		*s = make(numbers)
	}
	have := (*s)[topic]
	if have == nil {
		for other := range *s {
			if len(*s) < maxOver {
				break
			}
			delete(*s, other)
		}
		(*s)[topic] = nodes
		return
	}
	for node, n := range nodes {
		if have[node].before(n) {
			noteNumber(have, node, n)
		}
	}
}

// hear notes a number, and judges it. again: the number is one that a quiet publisher repeats. lost is how many messages did not come if
// the verdict is missing, or if the caller takes unheard for that.
func (h *heard) hear(topic string, node uint64, n number, again bool) (v verdict, lost uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	nodes := h.now[topic]
	if nodes == nil {
		if nodes = h.before[topic]; nodes == nil {
			nodes = make(map[uint64]number)
		}
		if h.now == nil {
			h.now = make(numbers)
		}
		h.now[topic] = nodes
	}
	known, ok := nodes[node]
	earlier, isEarlier := known, ok
	if !ok {
		earlier, isEarlier = h.earlier(topic, node)
	}
	switch v = n.compare(earlier, isEarlier); {
	case v == old:
		return old, 0
	case ok && again: // the message that has this number did not come
		v = missing
	case ok: // what the comparison says
	case !again && n.n == 1: // the first of its series
		v = fresh
	case !again && isEarlier && v == fresh: // the one behind the last that came, before the connection or the interest was new
	case len(nodes) >= maxHeardNodes: // others have pushed it out
		v = fresh
	default:
		v = unheard
	}
	noteNumber(nodes, node, n)
	lost = n.between(earlier, isEarlier)
	if again {
		lost++
	}
	return v, lost
}

// earlier is the last number of a node that is over. mu is held.
func (h *heard) earlier(topic string, node uint64) (n number, ok bool) {
	n, ok = h.over[topic][node]
	if before, also := h.overBefore[topic][node]; also && (!ok || n.before(before)) {
		return before, true
	}
	return n, ok
}

// noteNumber notes a number. Of very many nodes any is forgotten.
func noteNumber(nodes map[uint64]number, node uint64, n number) {
	for other := range nodes {
		if len(nodes) < maxHeardNodes {
			break
		}
		delete(nodes, other)
	}
	nodes[node] = n
}

// forget notes that interest in a topic begins.
func (h *heard) forget(topic string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.forgetLocked(topic)
}

func (h *heard) forgetLocked(topic string) {
	h.over.add(topic, h.before[topic])
	h.over.add(topic, h.now[topic])
	delete(h.before, topic)
	delete(h.now, topic)
}

// clear notes that a connection is new.
func (h *heard) clear() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for topic := range h.before {
		h.forgetLocked(topic)
	}
	for topic := range h.now {
		h.forgetLocked(topic)
	}
}

// tick forgets what is old.
func (h *heard) tick(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now.Sub(h.rotated) > time.Minute {
		for topic, nodes := range h.before {
			if h.now[topic] == nil { // else it is there with the same numbers
				h.over.add(topic, nodes)
			}
		}
		h.rotated, h.before, h.now = now, h.now, nil
	}
	if now.Sub(h.overRotated) > numbersKept {
		h.overRotated, h.overBefore, h.over = now, h.over, nil
	}
}
