package topics

import (
	"iter"
	"slices"

	"github.com/framerail/framerail/conn"
)

// Of returns the topics of a connection, in no order.
func (h *Topics) Of(c *conn.Conn) iter.Seq[string] {
	var names []string
	if cl := h.known(c); cl != nil {
		cl.mu.Lock()
		for _, sub := range cl.subs {
			names = append(names, sub.part.topic.name)
		}
		cl.mu.Unlock()
	}
	return slices.Values(names)
}

// Count returns how many members a topic has, or a pattern. Members of a pattern are no members of
// the topics that match it.
func (h *Topics) Count(topic string) int {
	t := h.named(topic)
	if t == nil {
		return 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.members
}

// Members returns the members of a topic, in no order. Those that have just joined or left may
// be missing, or still be there.
func (h *Topics) Members(topic string) iter.Seq[*conn.Conn] {
	var all []*conn.Conn
	if t := h.named(topic); t != nil {
		t.mu.Lock()
		for _, p := range t.parts {
			p.shard.lists.Lock()
			for _, sub := range p.members {
				all = append(all, connOf(sub.subscriber.conn))
			}
			p.shard.lists.Unlock()
		}
		t.mu.Unlock()
	}
	return slices.Values(all)
}

// named is the topic of that name, or the pattern; nil if there is none.
func (h *Topics) named(name string) *topic {
	wild, err := h.check(name)
	if err != nil {
		return nil
	}
	return h.lookup(name, wild)
}
