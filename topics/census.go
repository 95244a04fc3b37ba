package topics

import (
	"encoding"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"
)

// ErrPresence: a value cannot be told to other nodes. It is no string, no []byte and no encoding.TextMarshaler, or it is
// longer than 32 KiB.
var ErrPresence = errors.New("framerail: other nodes cannot be told this value")

// Census is who is in a topic, on all nodes.
type Census struct {
	Nodes   int      // that have members
	Members int      // of all nodes
	Values  []string // the values of members that have one, as text, in no order
}

// The times of a census. A node that dies is gone from it after censusLife.
const (
	censusRefresh = 10 * time.Second
	censusLife    = 3 * censusRefresh
)

// censusTurns is in how many parts all topics are told of again, one after another within censusRefresh.
const censusTurns = 10

// maxCensusPart is how many bytes of values one packet has, so that it fits into the messages of any broker: those of NATS may
// have a MiB, and 64 KiB where that was lowered a lot.
const maxCensusPart = 48 << 10

// maxPresence is how long a value may be that other nodes are told.
const maxPresence = 32 << 10

// maxCensusNodes is how many other nodes a census has. Beyond it somebody makes them up.
const maxCensusNodes = 1 << 12

// censuses are the topics whose members the nodes tell each other.
type censuses struct {
	mu     sync.Mutex
	topics map[*topic]time.Time // guarded by mu: when the worker found that a topic is gone; zero: it is not
	left   bool                 // guarded by mu: the node is going, and tells nothing more
	began  time.Time            // owned by the worker: when turns began
	turn   int64                // owned by the worker: the present one
	number uint64               // owned by the worker
}

// telling is what a topic has for its census. Guarded by the topic's mu.
type telling struct {
	remote  map[uint64]*nodeCensus
	changed bool // the census must be sent
	cut     bool // it did not have room for all values at least once
}

// nodeCensus is what another node has told of a topic. Guarded by the topic's mu.
type nodeCensus struct {
	members int
	values  []string
	at      time.Time

	// What has come of a newer one.
	number  uint64
	parts   int
	partial []string
}

// Census returns how many members a topic has on all nodes, and their values. Other nodes' parts are up to a
// second old, and more while the broker is away. A part that the broker loses is sent again within ten seconds. They are
// known while this node has members in the topic, and the topic's [History] has Presence. Without both, and without a [Broker], the census is of this node. A node that dies is
// in it for 30 seconds more. If the values of a node's members take more than a quarter of its MaxOutbox, others are told some of them.
func (h *Topics) Census(topic string) Census {
	t := h.named(topic)
	if t == nil {
		return Census{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	c := Census{Members: t.members}
	if t.members > 0 {
		c.Nodes = 1
	}
	for _, value := range t.present {
		if text, err := textOf(value); err == nil {
			c.Values = append(c.Values, text)
		}
	}
	if t.across == nil {
		return c
	}
	now := h.now()
	for _, other := range t.across.remote {
		if other.members > 0 && now.Sub(other.at) <= censusLife {
			c.Nodes++
			c.Members += other.members
			c.Values = append(c.Values, other.values...)
		}
	}
	return c
}

// textOf is a value as other nodes are told it.
func textOf(value any) (text string, err error) {
	switch v := value.(type) {
	case string:
		text = v
	case []byte:
		text = string(v)
	case encoding.TextMarshaler:
		var b []byte
		if b, err = v.MarshalText(); err != nil {
			return "", err
		}
		text = string(b)
	default:
		return "", ErrPresence
	}
	if len(text) > maxPresence {
		return "", fmt.Errorf("%w: it has %d bytes, and %d at most", ErrPresence, len(text), maxPresence)
	}
	return text, nil
}

// add adds a topic, unless the node is going. Topics.mu is held.
func (c *censuses) add(t *topic) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left {
		return
	}
	if c.topics == nil {
		c.topics = make(map[*topic]time.Time)
	}
	c.topics[t] = time.Time{}
}

// all is all topics. Those that are gone come first, since another topic may have such a one's name by now.
func (c *censuses) all() []*topic {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]*topic, 0, len(c.topics))
	for t := range c.topics {
		all = append(all, t)
	}
	gone := 0
	for i, t := range all {
		if t.gone.Load() {
			all[gone], all[i] = t, all[gone]
			gone++
		}
	}
	return all
}

func (c *censuses) remove(t *topic) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.topics, t)
}

// changeCensus notes that the node's members have changed. mu is held.
func (t *topic) changeCensus() {
	if t.across != nil {
		t.across.changed = true
	}
}

// turnSeed spreads topics over the turns.
var turnSeed = maphash.MakeSeed()

// turnOf is the turn of a topic.
func turnOf(t *topic) int64 { return int64(maphash.String(turnSeed, t.name) % censusTurns) }

// turns begins the turns up to the present one. It returns that one, and how many have begun. By the worker.
func (c *censuses) turns(now time.Time) (turn, begun int64) {
	if c.began.IsZero() {
		c.began = now.Add(-censusRefresh) // all begin
	}
	last := c.turn
	c.turn = int64(now.Sub(c.began) / (censusRefresh / censusTurns))
	return c.turn, c.turn - last
}

// tickCensus tells other nodes what has changed, and of each topic again when it is its turn. A topic that is gone waits for room in the outbox,
// for as long as somebody may hear of it and has not forgotten it anyway. By the worker.
func (l *link) tickCensus(now time.Time) {
	c := &l.census
	turn, begun := c.turns(now)
	away := l.uplink.isAway()
	for _, t := range c.all() {
		t.mu.Lock()
		a := t.across
		wasCut := a.cut
		gone, refresh := t.gone.Load(), (turn+turnOf(t))%censusTurns < begun
		if gone || a.confirmed && (a.changed || refresh && t.members > 0) {
			a.changed = !t.tell(gone)
		}
		if t.forgetDead() {
			t.reportCensus()
		}
		over := gone && (!a.changed || away || c.isForgotten(t, now))
		isCut := a.cut && !wasCut
		t.mu.Unlock()
		if isCut {
			l.logger.Warn("framerail: members of a topic have more values than MaxOutbox has room for; other nodes are told some", "topic", t.name)
		}
		if over {
			c.remove(t)
		}
	}
}

// isForgotten reports whether other nodes have forgotten what this one told of a topic that is gone, also if the outbox had no room to tell them.
// By the worker.
func (c *censuses) isForgotten(t *topic, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	since, is := c.topics[t]
	if is && since.IsZero() {
		c.topics[t], since = now, now
	}
	return now.Sub(since) > censusLife
}

// tell tells other nodes who is here, unless leaveCensus has told them that this one is going. It reports whether the outbox had room for it. mu is
// held.
func (t *topic) tell(gone bool) bool {
	var values []string
	if !gone {
		for _, value := range t.present {
			if text, err := textOf(value); err == nil {
				values = append(values, text)
			}
		}
	}
	l := t.across.link
	c := &l.census
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left {
		return true
	}
	c.number++
	values, cut := cutCensus(values, t.name, l.outbox.most/4)
	t.across.cut = t.across.cut || cut
	parts := censusParts(values)
	bodies := make([][]byte, len(parts))
	for part := range parts {
		b := binary.AppendUvarint(body(0), c.number)
		b = binary.AppendUvarint(b, uint64(part))
		b = binary.AppendUvarint(b, uint64(len(parts)))
		b = binary.AppendUvarint(b, uint64(t.members))
		for _, v := range parts[part] {
			b = append(binary.AppendUvarint(b, uint64(len(v))), v...)
		}
		bodies[part] = b
	}
	return l.outbox.addCensus(l, t.name, bodies)
}

// leaveCensus tells other nodes that this one is going. It tells them nothing more of these topics then.
func (l *link) leaveCensus() {
	c := &l.census
	c.mu.Lock()
	all := c.topics
	c.topics, c.left = nil, true
	c.mu.Unlock()
	for t := range all {
		b := binary.AppendUvarint(body(0), ^uint64(0))
		l.outbox.add(l, kindCensus, t.name, History{}, append(b, 0, 1, 0), false)
	}
}

// forgetDead forgets nodes of which nothing is heard, and reports whether there were any. mu is held.
func (t *topic) forgetDead() (any bool) {
	now := t.hub.now()
	for node, c := range t.across.remote {
		if now.Sub(c.at) > censusLife {
			delete(t.across.remote, node)
			any = true
		}
	}
	return any
}

// receiveCensus takes what another node tells.
func (l *link) receiveCensus(name string, hd header, rest []byte) error {
	s := scanner{b: rest}
	number, part, parts, members := s.uvarint(), s.uvarint(), s.uvarint(), s.uvarint()
	var values []string
	for len(s.b) > 0 {
		values = append(values, string(s.take(s.uvarint())))
	}
	if s.bad || part >= parts || parts > 1<<20 || members > 1<<40 {
		return errForeign
	}
	if hd.node == l.node {
		return nil
	}
	t := l.hub.lockIf(name)
	if t == nil {
		return nil
	}
	defer t.mu.Unlock()
	a := t.across
	if !t.keep.Presence {
		return nil
	}
	if a.remote[hd.node] == nil {
		if members == 0 || len(a.remote) >= maxCensusNodes {
			return nil
		}
		if a.remote == nil {
			a.remote = make(map[uint64]*nodeCensus)
		}
		a.remote[hd.node] = &nodeCensus{at: l.hub.now()}
		a.changed = true // a node that is new is told who is here
	}
	if a.remote[hd.node].take(number, int(part), int(parts), int(members), values, l.hub.now()) {
		if members == 0 {
			delete(a.remote, hd.node)
		}
		t.reportCensus()
	}
	return nil
}

// take takes a part of a census. It reports whether that completes one that differs from the last.
func (c *nodeCensus) take(number uint64, part, parts, members int, values []string, now time.Time) (differs bool) {
	if part == 0 {
		c.number, c.parts, c.partial = number, 0, nil
	}
	if number != c.number || part != c.parts {
		return false // a part is missing: the next census is whole
	}
	c.parts++
	c.partial = append(c.partial, values...)
	if c.parts < parts {
		return false
	}
	differs = members != c.members || !equalSets(c.partial, c.values)
	c.members, c.values, c.at, c.partial = members, c.partial, now, nil
	return differs
}

// equalSets reports whether two lists have the same values, in any order.
func equalSets(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	n := make(map[string]int, len(a))
	for _, v := range a {
		n[v]++
	}
	for _, v := range b {
		if n[v]--; n[v] < 0 {
			return false
		}
	}
	return true
}
