package topics

import (
	"iter"
	"maps"

	"github.com/framerail/framerail/conn"
)

// SetPresence gives a member of a topic a small value, such as a name, which [Topics.Presence]
// shows until the member leaves. nil takes the value away. It fails with [ErrNotSubscribed] if
// the connection is no member, and with [ErrWildcard] for a pattern.
//
// If other nodes are to know the value, it is a string, a []byte or an encoding.TextMarshaler, and its text has 32 KiB
// at most. Others fail with [ErrPresence] then. MarshalText is called on any goroutine, also later, while the topic waits: it must not call the
// Topics, and must not panic.
func (h *Topics) SetPresence(c *conn.Conn, topic string, value any) error {
	if err := h.checkPlain(topic); err != nil {
		return err
	}
	cl := h.known(c)
	if cl == nil {
		return ErrNotSubscribed
	}
	cl.mu.Lock()
	defer cl.mu.Unlock()
	i := cl.find(topic)
	if i < 0 {
		return ErrNotSubscribed
	}
	t := cl.subs[i].part.topic
	t.mu.Lock()
	defer t.mu.Unlock()
	if value != nil && t.across != nil && t.keep.Presence {
		if _, err := textOf(value); err != nil {
			return err
		}
	}
	before := t.present[cl]
	if before == nil && value == nil {
		return nil
	}
	t.changeCensus()
	if value == nil {
		delete(t.present, cl)
	} else {
		if t.present == nil {
			t.present = make(map[*subscriber]any)
		}
		t.present[cl] = value
	}
	t.reportValue(cl, before, value)
	return nil
}

// Presence returns the members of a topic that have a value, and their values.
func (h *Topics) Presence(topic string) iter.Seq2[*conn.Conn, any] {
	var all map[*subscriber]any
	if t := h.named(topic); t != nil {
		t.mu.Lock()
		all = maps.Clone(t.present)
		t.mu.Unlock()
	}
	return func(yield func(*conn.Conn, any) bool) {
		for cl, value := range all {
			if !yield(connOf(cl.conn), value) {
				return
			}
		}
	}
}
