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
// Members get the messages of one goroutine to a topic in the order in which they were published. Those to several
// topics may change their order on the way through a [Broker]. All
// members of a topic that keeps something get its messages in the same order. A connection
// that several of its subscriptions match is sent the message once.
//
// With a [Recorder] the position of a message of a topic that keeps something is known later. Publish
// returns the zero Position then, and [Topics.Stamp] gets the true one.
//
// The errors are those of names and of messages, and [ErrBusy]. That a member cannot be sent the message is no
// error here: see [Topics.OnLost].
func (h *Topics) Publish(topic string, m conn.Message) (Position, error) {
	return h.publish(topic, nil, m)
}

// PublishExcept is Publish to all members but one, such as the sender. The message is kept as any other:
// SubscribeSince sends it to all that come back.
func (h *Topics) PublishExcept(topic string, except *conn.Conn, m conn.Message) (Position, error) {
	return h.publish(topic, except, m)
}

func (h *Topics) publish(name string, except *conn.Conn, m conn.Message) (at Position, err error) {
	if err := h.checkPlain(name); err != nil {
		return at, err
	}
	var pub *publication
	l := h.link()
	if h.Stamp == nil && !recorded(h, l, name) { // or its position comes into it, or it is encoded when it comes back
		if pub, err = newPublication(m); err != nil {
			return at, err
		}
	}
	r := routes.Get().(*route)
	defer r.done()
	t, keep := h.target(name, l)
	if t != nil {
		defer func() { h.retire(t, r.use) }() // also if Stamp panics
		defer func() { r.use = t.rest(); t.mu.Unlock() }()
	}
	at, err = r.publish(h, t, name, keep, pub, except, m)
	if err != nil {
		return Position{}, err
	}
	h.counts.published.Add(1)
	return at, nil
}

// recorded reports whether the topic of that name is there, and a Recorder gives it its positions.
func recorded(h *Topics, l *link, name string) bool {
	if l == nil || l.recorder == nil {
		return false
	}
	t := h.lookup(name, false)
	return t != nil && t.isRecorded()
}

// target is the topic that a publication goes to, with mu held, and what is kept of it. nil: it has no
// members, and this node keeps nothing.
func (h *Topics) target(name string, l *link) (*topic, History) {
	if t := h.lockIf(name); t != nil {
		return t, t.keep
	}
	if h.History == nil {
		return nil, History{}
	}
	keep := h.History(name)
	if !keep.keeps() || l != nil && l.recorder != nil {
		return nil, keep
	}
	return h.lock(name, false), keep
}

// lockIf is the topic of that name, with mu held; nil if there is none.
func (h *Topics) lockIf(name string) *topic {
	for {
		t := h.lookup(name, false)
		if t == nil {
			return nil
		}
		t.mu.Lock()
		if !t.gone.Load() {
			return t
		}
		t.mu.Unlock()
	}
}

// encode encodes a message that gets the topic's next position. The topic's mu is held, if there is one.
func encode(h *Topics, t *topic, m conn.Message) (*publication, error) {
	if h.Stamp != nil && t != nil && t.keep.keeps() {
		m = h.Stamp(t.name, Position{t.era.epoch, t.offset + 1}, m)
	}
	return newPublication(m)
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

// publish numbers a message, keeps it, and sends it to the members. t.mu is held. t is nil if only patterns
// have the message. pub is nil if it is not encoded yet.
func (r *route) publish(h *Topics, t *topic, name string, keep History, pub *publication, except *conn.Conn, m conn.Message) (at Position, err error) {
	r.find(h, t, name)
	l, most := h.link(), int64(limit(h.MaxBacklog, DefaultMaxBacklog))
	byRecorder := t != nil && t.isRecorded() && (!t.across.out || t.across.confirmed)
	busy := r.isBusy(most, byRecorder) // or it would be dropped when it comes back
	switch {
	case busy:
		err = ErrBusy
	case pub == nil && byRecorder:
		err = session.Check(outgoing(m)) // it is encoded once, when it comes back with its position
	case pub == nil:
		pub, err = encode(h, t, m)
	}
	if err == nil && byRecorder {
		err = l.publish(t, m, (*session.Conn)(except))
	}
	if err != nil || byRecorder {
		if pub != nil {
			pub.release()
		}
		return at, err
	}
	if l != nil {
		l.send(name, t, keep, m)
	}
	if t != nil {
		t.append(pub)
		at = t.position()
	}
	r.send(pub, (*session.Conn)(except))
	return at, nil
}

// append gives a publication the topic's next position, and keeps it. mu is held.
func (t *topic) append(pub *publication) {
	t.offset++
	pub.era, pub.offset = t.era, t.offset
	if t.keep.keeps() {
		pub.at = t.hub.now()
		t.history.add(&t.keep, pub)
		if isUsed(t) { // or rest does so
			t.hub.aging.list(t)
		}
	} else {
		t.history.floor = t.offset
	}
}

// find finds where a message to a topic goes: to the topic's parts, and to those of patterns that match
// its name. mu is held, if there is a topic.
func (r *route) find(h *Topics, t *topic, name string) {
	if t != nil {
		r.parts = append(r.parts, t.parts...)
	}
	r.match(h, name)
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

// isBusy reports whether a loop is behind with more than that or, for a message that comes by way of the broker, takes no more of those.
func (r *route) isBusy(most int64, byBroker bool) bool {
	for _, p := range r.parts {
		if p.shard.backlog.Load() >= most || byBroker && p.shard.isBehind(most) {
			return true
		}
	}
	return false
}

// isBehind reports whether a loop takes no messages that come by way of the broker.
func (s *shard) isBehind(most int64) bool {
	n := s.backlog.Load()
	return n >= most || n > most/2 && s.behind.Load()
}

// isBehind is isBusy for a message that comes by way of the broker, which is dropped then. A loop that was behind takes no more of those until
// half of most is free. Otherwise each message that finds room would have a gap before it, and OnGap keep the loop behind.
func (r *route) isBehind(most int64) (behind bool) {
	for _, p := range r.parts {
		s := p.shard
		is := s.isBehind(most)
		if is != s.behind.Load() {
			s.behind.Store(is)
		}
		behind = behind || is
	}
	return behind
}

// send puts a publication into the inboxes of those loops that have members. One connection is not sent it; nil: all are. Its
// tag is set in any case, because it may be kept and sent later.
func (r *route) send(pub *publication, except *session.Conn) {
	defer pub.release()
	e := pub.era
	if len(r.matched) > 0 {
		pub.once = r.matched[0].hub.counts.once.Add(1)
		if e == nil {
			e = &r.matched[0].first
		}
	}
	pub.message.SetTag(session.Tag{Of: e, Number: pub.offset})
	for i, p := range r.parts {
		if p != nil {
			r.sendTo(p.shard, pub, except, r.parts[i:])
		}
	}
}

// sendTo puts it into one loop's inbox for all parts of that loop. They follow each other
// there, so that shard.send can tell which connections were sent it.
func (r *route) sendTo(s *shard, pub *publication, except *session.Conn, parts []*part) {
	ask := false
	s.mu.Lock()
	for i, p := range parts {
		if p != nil && p.shard == s {
			s.backlog.Add(int64(pub.size + opCost))
			ask = s.putLocked(operation{part: p, pub: pub.hold(), except: except}) || ask
			parts[i] = nil
		}
	}
	s.mu.Unlock()
	if ask {
		r.ask = append(r.ask, s)
	}
}
