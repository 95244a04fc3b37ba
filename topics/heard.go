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

// heard are the last numbers of what other nodes publish, by topic and node. A topic of which nothing is heard is
// forgotten after a minute or two: its publishers' series are over by then.
type heard struct {
	mu          sync.Mutex
	now, before map[string]map[uint64]number
	rotated     time.Time
}

// hear notes a number, and judges it. again: the number is one that a quiet publisher repeats.
func (h *heard) hear(topic string, node uint64, n number, again bool) verdict {
	h.mu.Lock()
	defer h.mu.Unlock()
	nodes := h.now[topic]
	if nodes == nil {
		if nodes = h.before[topic]; nodes == nil {
			nodes = make(map[uint64]number)
		}
		if h.now == nil {
			h.now = make(map[string]map[uint64]number)
		}
		h.now[topic] = nodes
	}
	known, ok := nodes[node]
	v := n.compare(known, ok)
	switch {
	case v == old:
		return old
	case again && ok:
		v = missing
	}
	noteNumber(nodes, node, n)
	return v
}

// noteNumber notes a number. Of very many nodes any is forgotten.
func noteNumber(nodes map[uint64]number, node uint64, n number) {
	for other := range nodes {
		if len(nodes) < 1<<10 {
			break
		}
		delete(nodes, other)
	}
	nodes[node] = n
}

// forget forgets what was heard of a topic: interest in it begins.
func (h *heard) forget(topic string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.now, topic)
	delete(h.before, topic)
}

// clear forgets all: a connection is new, and what was published before it does not come.
func (h *heard) clear() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now, h.before = nil, nil
}

func (h *heard) tick(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now.Sub(h.rotated) > time.Minute {
		h.rotated, h.before, h.now = now, h.now, nil
	}
}
