package topics

import (
	"sync"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/session"
)

// Member is a member of a topic.
type Member struct {
	Conn  *conn.Conn
	Value any // what SetPresence set last; nil for none
}

// Change is what has changed in the members of a topic since the last Change. A connection
// is in one of the lists at most: one that joined and left meanwhile is in none.
type Change struct {
	Topic   string
	Joined  []Member
	Left    []Member // with their last values
	Changed []Member // members with another value
}

// Lost reports that a member was not sent all that was published to a topic: the overflow policy of
// its connection refused or dropped something. Under conn.OverflowLatest, messages that newer
// ones of their key replaced are not lost.
//
// If the topic keeps messages, SubscribeSince with the position sends all behind it once more,
// also those that the client has got meanwhile. Wait for OnDrained: before, there may be no room.
type Lost struct {
	Conn  *conn.Conn
	Topic string   // or the pattern, if no topic of the message's name has members
	Since Position // nothing up to here is lost; no place in a topic for a pattern
}

// events are what the program's callbacks are to be called for. They run one after another, on
// a goroutine that lives while there are any. No lock is taken while mu is held.
type events struct {
	mu      sync.Mutex
	topics  []*topic
	losers  []*subscriber // that have lost something
	running bool
}

// reports are what is to be reported of a topic. Guarded by events.mu.
type reports struct {
	queued     bool
	interested bool // now
	reported   bool // what was last reported of that
	changes    map[*subscriber]change
}

// change is what is to be reported of a member.
type change struct {
	before, now     bool
	previous, value any
}

// reportJoined notes a new member. t.mu is held.
func (h *Topics) reportJoined(t *topic, cl *subscriber) {
	h.report(t, cl, func(known bool, c change) change {
		c.now, c.value = true, nil
		return c
	})
}

// reportLeft notes that a member has left. t.mu is held.
func (h *Topics) reportLeft(t *topic, cl *subscriber, value any) {
	h.report(t, cl, func(known bool, c change) change {
		if !known {
			c.before, c.previous = true, value
		}
		c.now, c.value = false, value
		return c
	})
}

// reportValue notes that a member has another value. t.mu is held.
func (h *Topics) reportValue(t *topic, cl *subscriber, before, value any) {
	h.report(t, cl, func(known bool, c change) change {
		if !known {
			c.before, c.previous = true, before
		}
		c.now, c.value = true, value
		return c
	})
}

// report notes a change of a member. t.mu is held.
func (h *Topics) report(t *topic, cl *subscriber, f func(known bool, c change) change) {
	if h.OnInterest == nil && h.OnChange == nil {
		return
	}
	interested := t.members > 0
	e := &h.events
	e.mu.Lock()
	defer e.mu.Unlock()
	r := &t.reports
	r.interested = interested
	if h.OnChange != nil {
		if r.changes == nil {
			r.changes = make(map[*subscriber]change)
		}
		c, known := r.changes[cl]
		if c = f(known, c); c.before || c.now {
			r.changes[cl] = c
		} else {
			delete(r.changes, cl) // it came and went
		}
	}
	if !r.queued && (h.OnChange != nil || r.interested != r.reported) {
		r.queued = true
		e.topics = append(e.topics, t)
		e.start(h)
	}
}

// noteLost notes that a member lost a message. Its connection may be locked.
func (h *Topics) noteLost(cl *subscriber, t *topic, number uint64) {
	h.counts.lost.Add(1)
	if h.OnLost == nil {
		return
	}
	e := &h.events
	e.mu.Lock()
	defer e.mu.Unlock()
	if cl.lost == nil {
		cl.lost = make(map[*topic]uint64)
	}
	if len(cl.lost) == 0 {
		e.losers = append(e.losers, cl)
		e.start(h)
	}
	if first, ok := cl.lost[t]; !ok || number < first {
		cl.lost[t] = number
	}
}

// start has the goroutine run. mu is held.
func (e *events) start(h *Topics) {
	if !e.running {
		e.running = true
		go h.callBack()
	}
}

// callBack calls the program back until there is nothing to report.
func (h *Topics) callBack() {
	e := &h.events
	for {
		e.mu.Lock()
		topics, losers := e.topics, e.losers
		e.topics, e.losers = nil, nil
		if len(topics)+len(losers) == 0 {
			e.running = false
			e.mu.Unlock()
			return
		}
		e.mu.Unlock()
		for _, t := range topics {
			h.reportTopic(t)
		}
		for _, cl := range losers {
			h.reportLost(cl)
		}
	}
}

// reportTopic calls the callbacks for a topic.
func (h *Topics) reportTopic(t *topic) {
	e := &h.events
	e.mu.Lock()
	r := &t.reports
	changes, on := r.changes, r.interested
	turned := on != r.reported
	r.queued, r.changes, r.reported = false, nil, on
	e.mu.Unlock()
	if h.OnInterest != nil && turned {
		h.OnInterest(t.name, on)
	}
	if h.OnChange == nil {
		return
	}
	c := Change{Topic: t.name}
	for cl, m := range changes {
		member := Member{connOf(cl.conn), m.value}
		switch {
		case m.now && !m.before:
			c.Joined = append(c.Joined, member)
		case m.before && !m.now:
			c.Left = append(c.Left, member)
		case m.now:
			c.Changed = append(c.Changed, member)
		}
	}
	if len(c.Joined)+len(c.Left)+len(c.Changed) > 0 {
		h.OnChange(c)
	}
}

// reportLost calls OnLost for a connection.
func (h *Topics) reportLost(cl *subscriber) {
	h.events.mu.Lock()
	lost := cl.lost
	cl.lost = nil
	h.events.mu.Unlock()
	for t, first := range lost {
		if cl.conn.State() != session.Open {
			return // its client comes back by itself, or not
		}
		l := Lost{Conn: connOf(cl.conn), Topic: t.name}
		if first > 0 {
			l.Since = Position{t.epoch, first - 1}
		}
		h.OnLost(l)
	}
}
