package topics

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// node is the Node of one call of the Broker's Run.
type node struct {
	link *link
	ctx  context.Context
	over atomic.Bool // Run has returned
}

var _ Node = (*node)(nil)

// ID implements Node.
func (n *node) ID() string { return fmt.Sprintf("%016x", n.link.node) }

// Up implements Node.
func (n *node) Up() {
	if n.over.Load() {
		return
	}
	n.link.heard.clear() // before interest is given anew
	u := &n.link.uplink
	u.mu.Lock()
	if u.ctx == nil {
		u.ctx, u.away, u.since = n.ctx, false, time.Now()
	}
	u.mu.Unlock()
	n.link.rouse()
}

// Gap implements Node.
func (n *node) Gap(topic string) {
	if n.over.Load() {
		return
	}
	h := n.link.hub
	if topic == "" {
		for _, t := range h.allTopics() {
			t.gap()
		}
		return
	}
	if t := h.named(topic); t != nil {
		t.gap()
	}
	n.link.reportPatterns(topic)
}

// Receive implements Node.
func (n *node) Receive(p Packet) {
	if n.over.Load() {
		return
	}
	l := n.link
	hd, rest, err := readHeader(p.Data)
	if err == nil {
		err = l.hub.checkPlain(p.Topic)
	}
	if err == nil && p.At.Offset == 0 && p.At != (Position{}) { // no message has such a place
		err = errForeign
	}
	if err == nil {
		l.counts.received.Add(1)
		if hd.kind == kindCensus {
			err = l.receiveCensus(p.Topic, hd, rest)
		} else {
			err = l.receive(p, hd, rest)
		}
	}
	if err != nil {
		l.refuse(p.Topic, err)
	}
}

// refuse notes a packet that cannot be read.
func (l *link) refuse(topic string, err error) {
	if l.counts.foreign.Add(1) == 1 { // once is enough: what comes from elsewhere comes often
		l.logger.Error("framerail: a broker's message is refused; others of its kind are only counted", "topic", topic, "error", err)
	}
}
