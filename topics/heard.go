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

// place is a topic of another node's.
type place struct {
	topic string
	node  uint64
}

// heard are the last numbers of what other nodes publish. One of which nothing is heard is forgotten after a
// minute or two: its publisher's series is over by then.
type heard struct {
	mu          sync.Mutex
	now, before map[place]number
	rotated     time.Time
}

// hear notes a number, and judges it. again: the number is one that a quiet publisher repeats.
func (h *heard) hear(at place, n number, again bool) verdict {
	h.mu.Lock()
	defer h.mu.Unlock()
	known, ok := h.now[at]
	if !ok {
		known, ok = h.before[at]
	}
	v := n.compare(known, ok)
	switch {
	case v == old:
		n = known
	case again && ok:
		v = missing
	}
	if h.now == nil {
		h.now = make(map[place]number)
	}
	h.now[at] = n
	return v
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
