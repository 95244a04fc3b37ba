package topics

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// topic is a topic, or a pattern of topics, with what is known of it on all loops.
type topic struct {
	hub  *Topics
	name string
	wild bool
	keep History

	gone atomic.Bool // set under mu: it is forgotten, and another may have its name

	mu      sync.Mutex
	parts   []*part             // guarded by mu: one for each loop with members
	members int                 // guarded by mu
	era     *era                // guarded by mu: the present one
	first   era                 // the first one, so that it takes no allocation
	offset  uint64              // guarded by mu: of the last message
	history history             // guarded by mu
	across  *across             // nil without a Broker: what other nodes have of the topic
	present map[*subscriber]any // guarded by mu: the values of members

	used   time.Time // guarded by mu: when it was last used, if it keeps something
	listed bool      // guarded by mu: it is in Topics.aging
	place  place     // guarded by aging.mu
}

// era is a time in which the positions of a topic are of one epoch. It does not change.
type era struct {
	topic *topic
	epoch uint64
}

// randomEpoch is an epoch of this process. A browser can take it for a number.
func randomEpoch() uint64 { return 1 + rand.Uint64N(1<<53-1) }

// part is the members of a topic that one loop has.
type part struct {
	topic   *topic
	shard   *shard
	count   int             // guarded by topic.mu
	gap     *gap            // guarded by shard.mu: what was put last, if it is a gap. It waits if shard.taken is as it was
	members []*subscription // owned by the loop; see shard.lists
}

// lookup is the topic of that name, or nil.
func (h *Topics) lookup(name string, wild bool) *topic {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.find(name, wild)
}

// find is lookup with Topics.mu held.
func (h *Topics) find(name string, wild bool) *topic {
	t := h.names[name]
	if wild {
		t = nil
		if place := h.patterns.place(name, false); place != nil {
			t = *place
		}
	}
	if t != nil && t.gone.Load() {
		return nil
	}
	return t
}

// make is the topic of that name, made if there is none.
func (h *Topics) make(name string, wild bool) *topic {
	if t := h.lookup(name, wild); t != nil {
		return t
	}
	t := &topic{hub: h, name: name, wild: wild}
	t.first = era{t, randomEpoch()}
	t.era = &t.first
	if !wild && h.History != nil {
		t.keep = h.History(name)
	}
	l := h.link()
	h.mu.Lock()
	defer h.mu.Unlock()
	if made := h.find(name, wild); made != nil {
		return made
	}
	if l != nil {
		l.newAcross(t)
	}
	if wild {
		place := h.patterns.place(name, true)
		if *place == nil { // or one that is gone, and still counted
			h.wild++
		}
		*place = t
	} else {
		if h.names == nil {
			h.names = make(map[string]*topic)
		}
		h.names[name] = t
	}
	return t
}

// lock is the topic of that name, made if there is none, with mu held.
func (h *Topics) lock(name string, wild bool) *topic {
	for {
		t := h.make(name, wild)
		t.mu.Lock()
		if !t.gone.Load() {
			return t
		}
		t.mu.Unlock()
	}
}

// position is where the topic is. mu is held.
func (t *topic) position() Position { return Position{t.era.epoch, t.offset} }

// part is the part of a shard, made if there is none. mu is held.
func (t *topic) part(s *shard) *part {
	for _, p := range t.parts {
		if p.shard == s {
			return p
		}
	}
	p := &part{topic: t, shard: s}
	t.parts = append(t.parts, p)
	return p
}

// leave ends a membership. tell has the loop take it off its list.
func (h *Topics) leave(sub *subscription, tell bool) {
	p := sub.part
	t := p.topic
	t.mu.Lock()
	t.members--
	if p.count--; p.count == 0 {
		t.parts = slices.DeleteFunc(t.parts, func(other *part) bool { return other == p })
	}
	value := t.present[sub.subscriber]
	delete(t.present, sub.subscriber)
	t.reportLeft(sub.subscriber, value)
	t.changeCensus()
	ask := tell && p.shard.put(operation{part: p, sub: sub, leaves: true})
	u := t.rest()
	t.mu.Unlock()
	h.counts.subscriptions.Add(-1)
	if ask {
		p.shard.ask()
	}
	h.retire(t, u)
}

// use is what becomes of a topic.
type use uint8

const (
	inUse use = iota // it has members, or stays without, or is idle already
	idle             // it has none, and is forgotten later
	over             // it is forgotten now
)

// rest decides what becomes of a topic whose members may be gone. mu is held. The caller must
// call retire.
func (t *topic) rest() use {
	switch {
	case isUsed(t):
		return inUse
	case !t.keep.keeps() || t.isRecorded():
		t.end()
		return over
	case stays(t):
		return inUse
	}
	t.used = t.hub.now()
	if !t.hub.aging.list(t) {
		return inUse
	}
	return idle
}

// end has a topic be gone, and gives away what it has still. mu is held. The caller must call forget then.
func (t *topic) end() {
	t.gone.Store(true)
	t.hub.aging.unlist(t)
	t.history.clear()
	endAcross(t)
}

// retire does what rest has decided. The caller holds no topic's mu.
func (h *Topics) retire(t *topic, u use) {
	switch u {
	case over:
		h.forget(t)
	case idle:
		h.aging.look(h, looksOfCall)
	}
}

// forget removes a topic that is gone. The caller holds no topic's mu.
func (h *Topics) forget(t *topic) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !t.wild {
		if h.names[t.name] != t {
			return
		}
		delete(h.names, t.name)
	} else {
		place := h.patterns.place(t.name, false)
		if place == nil || *place != t {
			return
		}
		h.patterns.remove(t.name)
		h.wild--
	}
	if t.across != nil {
		t.across.noteInterest(t)
	}
}
