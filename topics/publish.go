package topics

import (
	"sync"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/session"
)

// Publish sends a message to all members of a topic, and keeps it as the topic's [History]
// says. It returns the position behind the message. The payload is the caller's again when
// Publish returns.
//
// Members get the messages of one goroutine in the order in which they were published. All
// members of a topic that keeps something get its messages in the same order. A connection
// that several of its subscriptions match is sent the message once.
//
// The errors are those of names and of messages, and [ErrBusy]. That a member cannot be sent the message is no
// error here: see [Topics.OnLost].
func (h *Topics) Publish(topic string, m conn.Message) (Position, error) {
	return h.publish(topic, nil, m, nil)
}

// PublishExcept is Publish to all members but one, such as the sender. The message is kept as any other:
// SubscribeSince sends it to all that come back.
func (h *Topics) PublishExcept(topic string, except *conn.Conn, m conn.Message) (Position, error) {
	return h.publish(topic, except, m, nil)
}

// PublishFunc is Publish of a message that contains its own position: f gets the position, and
// makes the message. f must be quick and must not call the Topics, because the topic waits. Its
// message belongs to it again when PublishFunc returns.
func (h *Topics) PublishFunc(topic string, except *conn.Conn, f func(Position) conn.Message) (Position, error) {
	return h.publish(topic, except, conn.Message{}, f)
}

func (h *Topics) publish(name string, except *conn.Conn, m conn.Message, f func(Position) conn.Message) (at Position, err error) {
	if err := h.checkPlain(name); err != nil {
		return at, err
	}
	var pub *publication
	if f == nil {
		if pub, err = newPublication(m, except); err != nil {
			return at, err
		}
	}
	r := routes.Get().(*route)
	defer r.done()
	t := h.target(name)
	if t != nil {
		defer func() { h.retire(t, r.use) }() // also if f panics
	}
	at, err = r.publish(h, t, name, pub, except, f)
	if err != nil {
		if pub != nil {
			pub.release()
		}
		return Position{}, err
	}
	h.counts.published.Add(1)
	return at, nil
}

// target is the topic that a publication goes to, with mu held. nil: it has no members, and
// keeps nothing.
func (h *Topics) target(name string) *topic {
	for {
		t := h.lookup(name, false)
		if t == nil {
			if h.History == nil {
				return nil
			}
			if keep := h.History(name); !keep.keeps() {
				return nil
			}
			return h.lock(name, false)
		}
		t.mu.Lock()
		if !t.gone.Load() {
			return t
		}
		t.mu.Unlock()
	}
}

// route is the way of one publication to its members.
type route struct {
	matched []*topic // patterns
	parts   []*part
	ask     []*shard // whose loops must be asked to come
	use     use
}

var routes = sync.Pool{New: func() any { return new(route) }}

// done asks the loops, and gives the route back.
func (r *route) done() {
	for _, s := range r.ask {
		s.ask()
	}
	clear(r.matched)
	clear(r.parts)
	clear(r.ask)
	r.matched, r.parts, r.ask, r.use = r.matched[:0], r.parts[:0], r.ask[:0], inUse
	routes.Put(r)
}

// publish numbers a message, keeps it, and sends it to the members. t.mu is held, and let go. t is nil
// if only patterns have the message. pub is nil if f makes it.
func (r *route) publish(h *Topics, t *topic, name string, pub *publication, except *conn.Conn, f func(Position) conn.Message) (at Position, err error) {
	if t != nil {
		defer func() {
			r.use = t.rest()
			t.mu.Unlock()
		}()
		at = Position{t.epoch, t.offset + 1}
		r.parts = append(r.parts, t.parts...)
	}
	r.match(h, name)
	if r.isBusy(int64(limit(h.MaxBacklog, DefaultMaxBacklog))) {
		return at, ErrBusy
	}
	if f != nil {
		if pub, err = newPublication(f(at), except); err != nil {
			return at, err
		}
	}
	if t != nil {
		t.offset++
		pub.topic, pub.offset = t, t.offset
		if t.keep.keeps() {
			pub.at = h.now()
			t.history.add(&t.keep, pub)
		}
	}
	r.send(pub, t)
	return at, nil
}

// match finds the patterns that match a name, and their parts.
func (r *route) match(h *Topics, name string) {
	h.mu.RLock()
	if h.wild > 0 {
		r.matched = h.patterns.match(name, r.matched)
	}
	h.mu.RUnlock()
	for _, pattern := range r.matched {
		pattern.mu.Lock()
		r.parts = append(r.parts, pattern.parts...)
		pattern.mu.Unlock()
	}
}

// isBusy reports whether a loop is behind with more than that.
func (r *route) isBusy(most int64) bool {
	for _, p := range r.parts {
		if p.shard.backlog.Load() >= most {
			return true
		}
	}
	return false
}

// send puts a publication into the inboxes of those loops that have members. Its tag is set in any
// case, because it may be kept and sent later.
func (r *route) send(pub *publication, t *topic) {
	defer pub.release()
	if len(r.matched) > 0 {
		pub.once = r.matched[0].hub.counts.once.Add(1)
		if t == nil {
			t = r.matched[0]
		}
	}
	pub.message.SetTag(session.Tag{Of: t, Number: pub.offset})
	for i, p := range r.parts {
		if p != nil {
			r.sendTo(p.shard, pub, r.parts[i:])
		}
	}
}

// sendTo puts it into one loop's inbox for all parts of that loop. They follow each other
// there, so that sendOnce can tell which connections were sent it.
func (r *route) sendTo(s *shard, pub *publication, parts []*part) {
	ask := false
	s.mu.Lock()
	for i, p := range parts {
		if p != nil && p.shard == s {
			s.backlog.Add(int64(pub.size + opCost))
			ask = s.putLocked(operation{part: p, pub: pub.hold()}) || ask
			parts[i] = nil
		}
	}
	s.mu.Unlock()
	if ask {
		r.ask = append(r.ask, s)
	}
}
