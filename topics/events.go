package topics

import (
	"log/slog"
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
// ones of their key replaced are not lost. What other nodes published and did not come is reported by OnGap.
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
	due     []subject // guarded by mu: what has something to report, in order
	running bool      // guarded by mu

	calls []callback // owned by the goroutine: those for the last subject

	logging sync.Once
	logger  *slog.Logger // made by the first callback that panics
}

// subject is a topic that has changed, or a subscriber that has lost something.
type subject struct {
	topic *topic
	loser *subscriber
}

// reports are what is to be reported of a topic. Guarded by events.mu.
type reports struct {
	queued     bool
	interested bool // now
	reported   bool // what was last reported of that
	changes    map[*subscriber]change
	census     bool // that of other nodes has changed
}

// change is what is to be reported of a member.
type change struct {
	before, now     bool
	previous, value any
}

// reportJoined notes a new member. t.mu is held.
func (t *topic) reportJoined(cl *subscriber) {
	t.report(cl, func(known bool, c change) change {
		c.now, c.value = true, nil
		return c
	})
}

// reportLeft notes that a member has left. t.mu is held.
func (t *topic) reportLeft(cl *subscriber, value any) {
	t.report(cl, func(known bool, c change) change {
		if !known {
			c.before, c.previous = true, value
		}
		c.now, c.value = false, value
		return c
	})
}

// reportValue notes that a member has another value. t.mu is held.
func (t *topic) reportValue(cl *subscriber, before, value any) {
	t.report(cl, func(known bool, c change) change {
		if !known {
			c.before, c.previous = true, before
		}
		c.now, c.value = true, value
		return c
	})
}

// report notes a change of a member. t.mu is held.
func (t *topic) report(cl *subscriber, f func(known bool, c change) change) {
	h := t.hub
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
		e.add(h, subject{topic: t})
	}
}

// noteLost notes that a member lost a message. Its connection may be locked.
func (cl *subscriber) noteLost(of *era, number uint64) {
	cl.hub.counts.lost.Add(1)
	h, t := cl.hub, of.topic
	if h.OnLost == nil {
		return
	}
	var since Position // none for a pattern
	if number > 0 {
		since = Position{of.epoch, number - 1}
	}
	e := &h.events
	e.mu.Lock()
	defer e.mu.Unlock()
	if cl.lost == nil {
		cl.lost = make(map[*topic]Position)
	}
	if len(cl.lost) == 0 {
		e.add(h, subject{loser: cl})
	}
	if first, ok := cl.lost[t]; !ok || since.Epoch == first.Epoch && since.Offset < first.Offset {
		cl.lost[t] = since
	}
}

// reportCensus notes that other nodes' members of a topic have changed.
func (t *topic) reportCensus() {
	h := t.hub
	if h.OnChange == nil {
		return
	}
	e := &h.events
	e.mu.Lock()
	defer e.mu.Unlock()
	r := &t.reports
	r.census = true
	if !r.queued {
		r.queued = true
		e.add(h, subject{topic: t})
	}
}

// add has the goroutine report one more subject. mu is held.
func (e *events) add(h *Topics, of subject) {
	e.due = append(e.due, of)
	if !e.running {
		e.running = true
		go h.callBack()
	}
}

// take takes the next subject. There is none when the goroutine must end.
func (e *events) take() (of subject, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.due) == 0 {
		e.due, e.running = nil, false
		return of, false
	}
	of = e.due[0]
	e.due[0] = subject{}
	e.due = e.due[1:]
	return of, true
}

// reportTopic has the callbacks called for a topic.
func (h *Topics) reportTopic(t *topic) {
	e := &h.events
	e.mu.Lock()
	r := &t.reports
	changes, on := r.changes, r.interested
	turned, census := on != r.reported, r.census
	r.queued, r.changes, r.reported, r.census = false, nil, on, false
	e.mu.Unlock()
	if h.OnInterest != nil && turned {
		e.call("OnInterest", func() { h.OnInterest(t.name, on) })
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
		e.call("OnChange", func() { h.OnChange(c) })
	}
	if census { // in a Change of its own, which has no members
		e.call("OnChange", func() { h.OnChange(Change{Topic: t.name}) })
	}
}

// reportLost has OnLost called for a connection.
func (h *Topics) reportLost(cl *subscriber) {
	h.events.mu.Lock()
	lost := cl.lost
	cl.lost = nil
	h.events.mu.Unlock()
	for t, since := range lost {
		l := Lost{Conn: connOf(cl.conn), Topic: t.name, Since: since}
		h.events.call("OnLost", func() {
			if cl.conn.State() == session.Open { // else its client comes back by itself, or not
				h.OnLost(l)
			}
		})
	}
}
