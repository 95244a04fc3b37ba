package topics

import (
	"container/list"
	"log/slog"
	"reflect"
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
// is in one of the lists at most: one that joined and left meanwhile is in none, nor is one that left and joined.
type Change struct {
	Topic   string
	Joined  []Member
	Left    []Member // with their last values
	Changed []Member // members with another value; a pointer that was set again is no other
}

// Lost reports that a member was not sent all that was published to a topic: the overflow policy of
// its connection refused or dropped something, or a message was larger than its MaxPending. Under conn.OverflowLatest, messages that newer
// ones of their key replaced are not lost. What other nodes published and did not come is reported by OnGap.
//
// A pattern may be one of other members, if the message matches several.
//
// If the topic keeps messages, SubscribeSince with the position sends all behind it once more,
// also those that the client has got meanwhile. Wait for OnDrained: before, there may be no room.
type Lost struct {
	Conn  *conn.Conn
	Topic string   // of the message; if no topic of that name has members or keeps anything, a pattern that matches it
	Since Position // nothing up to here is lost; no place in a topic for a pattern
}

// events are what the program's callbacks are to be called for. They run one after another, on
// a goroutine that lives while there are any. No lock is taken while mu is held.
type events struct {
	mu      sync.Mutex
	due     list.List           // guarded by mu: what has something to report, in order: *reports and *subscriber
	reports map[string]*reports // guarded by mu: by topic, if there is something to report or to remember
	running bool                // guarded by mu

	calls []callback // owned by the goroutine: those for the last subject

	logging sync.Once
	logger  *slog.Logger // made by the first callback that panics
}

// reports are what is to be reported of a topic, which may be forgotten and begin again meanwhile. Guarded by events.mu.
type reports struct {
	topic      string
	place      *list.Element // in events.due; nil: there is nothing to report
	interested bool          // now
	reported   bool          // what was last reported of that
	changes    map[*subscriber]change
	census     bool // that of other nodes has changed
}

// change is what is to be reported of a member.
type change struct {
	before, now     bool
	previous, value any
}

// isNone reports whether the member is as it was.
func (c change) isNone() bool { return c.before == c.now && (!c.now || isSame(c.previous, c.value)) }

// isSame reports whether two values are known to be the same.
func isSame(a, b any) bool {
	if a == nil || b == nil {
		return a == b
	}
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
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
	r := e.of(t.name)
	r.interested = interested
	if h.OnChange != nil {
		if r.changes == nil {
			r.changes = make(map[*subscriber]change)
		}
		c, known := r.changes[cl]
		if c = f(known, c); c.isNone() {
			delete(r.changes, cl)
		} else {
			r.changes[cl] = c
		}
	}
	e.settle(h, r)
}

// of are the reports of a topic, made if there are none. The caller must call settle. mu is held.
func (e *events) of(topic string) *reports {
	r := e.reports[topic]
	if r == nil {
		if e.reports == nil {
			e.reports = make(map[string]*reports)
		}
		r = &reports{topic: topic}
		e.reports[topic] = r
	}
	return r
}

// settle has the goroutine report what there is of a topic, and forgets what there is not. mu is held.
func (e *events) settle(h *Topics, r *reports) {
	some := len(r.changes) > 0 || r.census || h.OnInterest != nil && r.interested != r.reported
	switch {
	case some && r.place == nil:
		r.place = e.add(h, r)
	case !some && r.place != nil:
		e.due.Remove(r.place)
		r.place = nil
	}
	if !some && (h.OnInterest == nil || !r.interested) {
		delete(e.reports, r.topic)
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
		cl.lost = make(map[string]Position)
		cl.place = e.add(h, cl)
	}
	if first, ok := cl.lost[t.name]; !ok || since.Epoch == first.Epoch && since.Offset < first.Offset {
		cl.lost[t.name] = since
	}
}

// forgetLost has nothing reported that a connection has lost, because it is closed.
func (cl *subscriber) forgetLost() {
	e := &cl.hub.events
	e.mu.Lock()
	defer e.mu.Unlock()
	if cl.lost != nil {
		e.due.Remove(cl.place)
		cl.lost, cl.place = nil, nil
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
	r := e.of(t.name)
	r.census = true
	e.settle(h, r)
}

// add has the goroutine report one more thing. mu is held.
func (e *events) add(h *Topics, what any) *list.Element {
	if !e.running {
		e.running = true
		go h.callBack()
	}
	return e.due.PushBack(what)
}

// report has the callbacks called for what is next. It reports false if there is nothing: the goroutine must end then.
func (e *events) report(h *Topics) bool {
	e.mu.Lock()
	next := e.due.Front()
	if next == nil {
		e.running = false
		e.mu.Unlock()
		return false
	}
	switch of := e.due.Remove(next).(type) {
	case *reports:
		r := *of
		of.place, of.changes, of.reported, of.census = nil, nil, of.interested, false
		e.settle(h, of)
		e.mu.Unlock()
		h.reportTopic(r)
	case *subscriber:
		lost := of.lost
		of.lost, of.place = nil, nil
		e.mu.Unlock()
		h.reportLost(of, lost)
	}
	return true
}

// reportTopic has the callbacks called for a topic.
func (h *Topics) reportTopic(r reports) {
	e := &h.events
	if on := r.interested; h.OnInterest != nil && on != r.reported {
		e.call("OnInterest", func() { h.OnInterest(r.topic, on) })
	}
	if h.OnChange == nil {
		return
	}
	c := Change{Topic: r.topic}
	for cl, m := range r.changes {
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
	if r.census { // in a Change of its own, which has no members
		e.call("OnChange", func() { h.OnChange(Change{Topic: r.topic}) })
	}
}

// reportLost has OnLost called for a connection.
func (h *Topics) reportLost(cl *subscriber, lost map[string]Position) {
	for topic, since := range lost {
		l := Lost{Conn: connOf(cl.conn), Topic: topic, Since: since}
		h.events.call("OnLost", func() {
			if cl.conn.State() == session.Open { // else its client comes back by itself, or not
				h.OnLost(l)
			}
		})
	}
}
