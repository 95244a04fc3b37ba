package topics

import (
	"sync"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/session"
)

// subscriber is what the topics keep for a connection.
type subscriber struct {
	hub   *Topics
	conn  *session.Conn
	shard *shard

	mu     sync.Mutex
	subs   []*subscription // guarded by mu
	waits  []*joining      // guarded by mu: those that are answered later
	closed bool            // guarded by mu: the connection is

	lost map[*topic]Position // guarded by events.mu: behind which something was lost

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
	subs, waits := cl.subs, cl.waits
	cl.subs, cl.waits, cl.closed = nil, nil, true
	cl.mu.Unlock()
	for _, j := range waits {
		cl.stopWaiting(j.name)
	}
	for _, sub := range subs {
		cl.hub.leave(sub, false)
	}
	for _, sub := range subs {
		cl.shard.remove(sub)
		sub.at = ended
	}
	cl.hub.exit(cl.shard)
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
	case session.ErrPendingFull, session.ErrMessageTooLarge:
		sub.lose(pub)
	}
	return 0
}

// replay sends what a connection is sent first: all of it, or nothing if there is no room. On the
// loop.
func (sub *subscription) replay(all []*publication) (sent int) {
	room := len(all) <= 1 || roomFor(connOf(sub.subscriber.conn), all)
	for _, pub := range all {
		if room {
			sent += sub.send(pub, false)
		} else {
			sub.lose(pub)
		}
		pub.release()
	}
	return sent
}

// lose notes that the member was not sent a publication.
func (sub *subscription) lose(pub *publication) {
	e := pub.era
	if e == nil {
		e = &sub.part.topic.first // a pattern's
	}
	sub.subscriber.noteLost(e, pub.offset)
}
