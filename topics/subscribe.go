package topics

import (
	"iter"
	"slices"

	"github.com/framerail/framerail/conn"
)

// Subscribe makes a connection a member of a topic, and returns the topic's position: what is
// published from then on is sent to the connection. The topic may have wildcards: "*" stands for
// any one token, and ">" at the end for one or more. A pattern has no position. If the
// topic's [History] says so, the last message is sent first.
//
// Which topics a client may have is for the program to check; [CheckName] refuses wildcards.
// Subscribe does nothing for a member. When the connection is closed it leaves all of its topics.
//
// The errors are [conn.ErrClosed], [ErrName], [ErrNameTooLong], [ErrTooManyTopics] and
// [ErrTooManyMembers].
func (h *Topics) Subscribe(c *conn.Conn, topic string) (Position, error) {
	return h.subscribe(c, topic, nil)
}

// SubscribeSince is Subscribe for a client that was a member before, and has seen everything up to a
// position. All that was published behind it is sent first, in order and once, and then what is
// published from now on. If that is not possible, nothing is sent, and the connection does not
// join: [ErrGap] says that something is missing, and [ErrTooMuch] that there is no room for it.
//
// A connection that has no room any more when its loop sends what was missed is sent nothing of it, and
// [Topics.OnLost] reports that.
//
// A connection that is a member is sent all behind the position once more.
func (h *Topics) SubscribeSince(c *conn.Conn, topic string, since Position) (Position, error) {
	return h.subscribe(c, topic, &since)
}

func (h *Topics) subscribe(c *conn.Conn, name string, since *Position) (Position, error) {
	wild, err := h.check(name)
	if err != nil {
		return Position{}, err
	}
	if wild && since != nil {
		return Position{}, ErrWildcard
	}
	cl, err := h.subscriber(c)
	if err != nil {
		return Position{}, err
	}
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if cl.closed {
		return Position{}, conn.ErrClosed
	}
	if i := cl.find(name); i >= 0 {
		return cl.again(cl.subs[i], c, since)
	}
	if len(cl.subs) >= limit(h.MaxTopics, DefaultMaxTopics) {
		return Position{}, ErrTooManyTopics
	}
	t := h.lock(name, wild)
	replay, err := t.replay(c, since)
	if t.members >= limit(h.MaxMembers, DefaultMaxMembers) {
		err = ErrTooManyMembers
	}
	if err != nil {
		u := t.rest()
		t.mu.Unlock()
		h.retire(t, u)
		return Position{}, err
	}
	p := t.part(cl.shard)
	p.count++
	t.members++
	sub := &subscription{cl, p, -1}
	at, ask := t.position(), cl.shard.put(operation{part: p, sub: sub, replay: held(replay)})
	h.reportJoined(t, cl)
	t.mu.Unlock()
	h.counts.subscriptions.Add(1)
	cl.subs = append(cl.subs, sub)
	if ask {
		cl.shard.ask()
	}
	if wild {
		at = Position{}
	}
	return at, nil
}

// again is subscribe for a member. cl.mu is held.
func (cl *subscriber) again(sub *subscription, c *conn.Conn, since *Position) (Position, error) {
	t := sub.part.topic
	t.mu.Lock()
	defer t.mu.Unlock()
	if since != nil {
		replay, err := t.replay(c, since)
		if err != nil {
			return Position{}, err
		}
		if cl.shard.put(operation{part: sub.part, sub: sub, replay: held(replay)}) {
			cl.shard.ask()
		}
	}
	if t.wild {
		return Position{}, nil
	}
	return t.position(), nil
}

// replay is what a connection that joins is sent first: all behind since or, if that is nil, the
// last message if newcomers get it. mu is held.
func (t *topic) replay(c *conn.Conn, since *Position) ([]*publication, error) {
	r := &t.history
	if since == nil {
		if r.last == nil {
			return nil, nil
		}
		return []*publication{r.last}, nil
	}
	if since.Epoch != t.epoch || since.Offset > t.offset {
		return nil, ErrGap
	}
	missed := t.offset - since.Offset
	if missed == 0 {
		return nil, nil
	}
	r.expire(&t.keep, t.hub.now())
	if missed > uint64(r.n) {
		return nil, ErrGap
	}
	all := make([]*publication, missed)
	for i := range all {
		all[i] = r.at(r.n - len(all) + i)
	}
	if !roomFor(c, all) {
		return nil, ErrTooMuch
	}
	return all, nil
}

// roomFor reports whether a connection has room for all of these.
func roomFor(c *conn.Conn, all []*publication) bool {
	room := c.Limits().MaxPending - c.Pending()
	for _, pub := range all {
		room -= pub.message.Len()
	}
	return room >= 0
}

// held are publications that one more holds.
func held(all []*publication) []*publication {
	for _, pub := range all {
		pub.hold()
	}
	return all
}

// Unsubscribe ends a connection's membership in a topic. What was published before may still
// reach it. It fails with [ErrNotSubscribed] if the connection is no member.
func (h *Topics) Unsubscribe(c *conn.Conn, topic string) error {
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
	h.leave(cl.subs[i], true)
	last := len(cl.subs) - 1
	cl.subs[i] = cl.subs[last]
	cl.subs[last] = nil
	cl.subs = cl.subs[:last]
	return nil
}

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
