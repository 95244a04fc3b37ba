package topics

import (
	"container/list"
	"slices"
	"sync"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/session"
)

// subscriber is what the topics keep for a connection.
type subscriber struct {
	hub   *Topics
	conn  *session.Conn
	shard *shard

	mu         sync.Mutex
	subs       []*subscription // guarded by mu
	unanswered []*joining      // guarded by mu: those that wait for the broker, and those that wait for the loop
	closed     bool            // guarded by mu: the connection is

	lost  map[string]Position // guarded by events.mu: by topic, behind which something was lost; nil: nothing
	place *list.Element       // guarded by events.mu: in events.due, if something was lost

	once uint64 // owned by the loop: publication.once of the last one
}

// subscription is a connection's membership in a topic.
type subscription struct {
	subscriber *subscriber
	part       *part
	at         int32  // owned by the loop: where it is in the part's members; negative: nowhere, or ended
	outage     uint32 // the outage of the broker in which it joined; 0: none
}

var _ session.Attachment = (*subscriber)(nil)

// subscriber is what is kept for c, made if there is nothing.
func (h *Topics) subscriber(c *conn.Conn) (*subscriber, error) {
	s := (*session.Conn)(c)
	if a := session.Attached(s, h); a != nil {
		return a.(*subscriber), nil
	}
	cl := &subscriber{hub: h, conn: s, shard: h.enter(session.LoopOf(s))}
	a, err := session.Attach(s, h, cl)
	if a != session.Attachment(cl) {
		h.exit(cl.shard)
	}
	if err != nil {
		return nil, err
	}
	return a.(*subscriber), nil
}

// known is what is kept for c, or nil.
func (h *Topics) known(c *conn.Conn) *subscriber {
	cl, _ := session.Attached((*session.Conn)(c), h).(*subscriber)
	return cl
}

// enter notes one more subscriber of a loop, and returns the loop's shard.
func (h *Topics) enter(l *session.Loop) *shard {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.shards[l]
	if s == nil {
		s = &shard{hub: h, loop: l}
		s.drainFn = s.drain
		if h.shards == nil {
			h.shards = make(map[*session.Loop]*shard)
		}
		h.shards[l] = s
	}
	s.subscribers++
	return s
}

// exit notes one subscriber less.
func (h *Topics) exit(s *shard) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.subscribers--; s.subscribers == 0 {
		delete(h.shards, s.loop)
	}
}

// find is the place of the subscription to a topic among subs; negative if there is none. mu is
// held.
func (cl *subscriber) find(name string) int {
	for i, sub := range cl.subs {
		if sub.part.topic.name == name {
			return i
		}
	}
	return -1
}

// Dropped implements session.Attachment.
func (cl *subscriber) Dropped(tag session.Tag) {
	if e, ok := tag.Of.(*era); ok && e.topic.hub == cl.hub {
		cl.noteLost(e, tag.Number)
	}
}

// Ended implements session.Attachment: a closed connection is a member of nothing. It leaves the lists at once,
// ahead of what waits for the loop, and a join that waits is none. So what waits is not carried out here, and many
// connections that close together take no longer turn.
func (cl *subscriber) Ended() {
	cl.mu.Lock()
	subs, unanswered := cl.subs, cl.unanswered
	cl.subs, cl.unanswered, cl.closed = nil, nil, true
	cl.mu.Unlock()
	for _, j := range unanswered {
		cl.stopWaiting(j.name)
	}
	for _, sub := range subs {
		cl.hub.leave(sub, false)
	}
	for _, sub := range subs {
		cl.shard.remove(sub)
		sub.at = ended
	}
	if cl.hub.OnLost != nil {
		cl.forgetLost()
	}
	cl.hub.exit(cl.shard)
}

// admit decides about a call of SubscribeSince, which an operation answers. It reports whether the answer is still due: the
// connection may be closed, or Unsubscribe was called. A connection that has no room for what it has missed is answered ErrTooMuch.
// It is no member then, unless it was one before, or another call that waits makes it one. On the loop.
func (cl *subscriber) admit(o *operation) (due bool) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	a, sub := o.answer, o.sub
	if !cl.end(a.joining) {
		o.sub = nil
		return false
	}
	isNew := a.joining.since == Position{}
	switch {
	case sub == nil: // it has failed
		return true
	case isNew || len(o.replay) == 0 || session.MakeRoom(cl.conn, messagesOf(o.replay)):
		cl.makeSure(sub)
		if isNew && sub.at >= 0 { // it is a member, and was sent the last message
			o.dropReplay()
		}
		return true
	}
	a.at, a.err = Position{}, ErrTooMuch
	if a.joining.made == sub {
		o.sub = nil
		if !cl.isUnsure(sub) {
			cl.leave(slices.Index(cl.subs, sub), false)
		}
	}
	o.dropReplay()
	return true
}

// dropReplay drops what is not sent.
func (o *operation) dropReplay() {
	release(o.replay)
	o.replay = nil
}

// call calls one of the program's callbacks, unless the connection is closed. On the loop.
func (cl *subscriber) call(name string, f func()) {
	if cl.conn.State() == session.Open {
		callback{name, f}.contain(cl.hub)
	}
}

// send sends a publication to the member, and returns how many were sent. last tells that none is known to
// follow in this turn. On the loop.
func (sub *subscription) send(pub *publication, last bool) int {
	deliver := (*session.Conn).SendPrepared
	if last {
		deliver = session.Deliver
	}
	switch err := deliver(sub.subscriber.conn, pub.message); err {
	case nil:
		return 1
	case session.ErrPendingFull:
		session.Missed(sub.subscriber.conn)
		sub.lose(pub)
	case session.ErrMessageTooLarge:
		sub.lose(pub)
	}
	return 0
}

// replay sends what a connection is sent first: all of it, or nothing. On the loop.
func (sub *subscription) replay(all []*publication) (sent int) {
	defer release(all)
	switch len(all) {
	case 0:
		return 0
	case 1:
		return sub.send(all[0], false)
	}
	cl := sub.subscriber
	switch err := session.SendAll(cl.conn, messagesOf(all)); err {
	case nil:
		return len(all)
	case session.ErrPendingFull:
		session.Missed(cl.conn)
		for _, pub := range all {
			sub.lose(pub)
		}
	}
	return 0
}

// lose notes that the member was not sent a publication.
func (sub *subscription) lose(pub *publication) {
	e := pub.era
	if e == nil {
		e = &sub.part.topic.first // a pattern's
	}
	sub.subscriber.noteLost(e, pub.offset)
}
