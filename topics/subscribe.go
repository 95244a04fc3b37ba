package topics

import (
	"errors"
	"slices"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/session"
)

// Subscribe makes a connection a member of a topic, and returns the topic's position: what is
// published from then on is sent to the connection. The topic may have wildcards: "*" stands for
// any one token, and ">" at the end for one or more. A pattern has no position. If the
// topic's [History] says so, the last message is sent first.
//
// With a [Broker], what other nodes publish comes as soon as the broker has confirmed the node's interest.
// The position is zero until then, if it is a [Recorder]'s. SubscribeSince waits for it.
//
// Which topics a client may have is for the program to check; [CheckName] refuses wildcards.
// Subscribe does nothing for a member. When the connection is closed it leaves all of its topics.
//
// The errors are [conn.ErrClosed], [ErrName], [ErrNameTooLong], [ErrTooManyTopics] and
// [ErrTooManyMembers].
func (h *Topics) Subscribe(c *conn.Conn, topic string) (Position, error) {
	return h.subscribe(c, topic, nil)
}

// SubscribeSince is Subscribe for a client that was a member before, on this node or another, and has seen
// everything up to a position. The zero Position is for a new client. It is sent nothing older, except the last message
// if History.Last says so.
//
// answer is called once: on the connection's event loop, so that it must not block. If the connection's callbacks run
// elsewhere, by its Dispatch, it may run beside them. If err is nil, the connection is a
// member, and the topic is at that position. Next it is sent all that was published behind since, in order and once, and then what
// is published from now on. Otherwise nothing is sent, and the connection does not
// join: [ErrGap] says that something is missing, or may be, and [ErrTooMuch] that there is no room for it. To begin anew is
// to call SubscribeSince with the zero Position, which answer may do. A call that waited may also get [ErrTooManyTopics] or
// [ErrTooManyMembers]: it counts as a topic, and as a member, when it joins.
//
// Send a new client the position of its answer: it may be cut off before it has seen a message. A client that was sent
// messages comes back with the position of the last one, because it may be cut off among them.
//
// Without a [Broker] the answer comes with the loop's next turn. With one it may take until the broker has
// answered. answer is not called if the connection is closed before, if Unsubscribe is called before, or if
// SubscribeSince itself fails: as Subscribe does, with [ErrWildcard], with [ErrTooManyTopics] if MaxTopics calls of the
// connection are not answered, and with [ErrBusy] if too many calls wait for its event loop.
//
// If answer itself sends so much that what was missed has no room any more, the connection's overflow policy decides, as it does
// for one message of that size: by default the connection closes. [Topics.OnLost] reports what is lost under other policies.
//
// A connection that is a member is sent all behind the position once more, and stays a member whatever the answer is. One that is
// a member of a pattern is sent again what it had by the pattern. Of several calls that are not answered each gets its own answer:
// the connection is a member from the first on that does not fail.
func (h *Topics) SubscribeSince(c *conn.Conn, topic string, since Position, answer func(at Position, err error)) error {
	_, err := h.subscribe(c, topic, &joining{name: topic, since: since, answer: answer})
	return err
}

// joining is a call of SubscribeSince.
type joining struct {
	name     string
	since    Position
	answer   func(Position, error)
	made     *subscription // the membership that ends when the last call that has it here fails; nil: there is none
	tries    int           // how often it has waited
	question uint64        // the number of the last question that was put to the Recorder while it waited
	answered bool          // one that was put meanwhile
	failed   error         // what the Recorder has answered
}

func (h *Topics) subscribe(c *conn.Conn, name string, j *joining) (Position, error) {
	wild, err := h.check(name)
	if err != nil {
		return Position{}, err
	}
	if wild && j != nil {
		return Position{}, ErrWildcard
	}
	cl, err := h.subscriber(c)
	if err != nil {
		return Position{}, err
	}
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if j == nil {
		return cl.join(name, wild, nil)
	}
	if err := cl.begin(j); err != nil {
		return Position{}, err
	}
	at, err := cl.join(name, wild, j)
	if err != nil {
		cl.end(j)
	}
	return at, err
}

// begin notes a call of SubscribeSince that is to be answered. cl.mu is held.
func (cl *subscriber) begin(j *joining) error {
	h := cl.hub
	switch {
	case cl.closed:
		return conn.ErrClosed
	case len(cl.unanswered) >= limit(h.MaxTopics, DefaultMaxTopics): // they count among themselves: they may be refused still
		return ErrTooManyTopics
	case cl.shard.asks.Load() >= int64(limit(h.MaxBacklog, DefaultMaxBacklog)):
		return ErrBusy
	}
	cl.unanswered = append(cl.unanswered, j)
	return nil
}

// end forgets a call of SubscribeSince. It reports whether it was to be answered. cl.mu is held.
func (cl *subscriber) end(j *joining) bool {
	i := slices.Index(cl.unanswered, j)
	if i < 0 {
		return false
	}
	if cl.unanswered = slices.Delete(cl.unanswered, i, i+1); len(cl.unanswered) == 0 {
		cl.unanswered = nil
	}
	return true
}

// join makes a connection a member. cl.mu is held.
func (cl *subscriber) join(name string, wild bool, j *joining) (Position, error) {
	h := cl.hub
	if cl.closed {
		return Position{}, conn.ErrClosed
	}
	if i := cl.find(name); i >= 0 {
		return cl.again(cl.subs[i], j)
	}
	if len(cl.subs) >= limit(h.MaxTopics, DefaultMaxTopics) {
		return Position{}, ErrTooManyTopics
	}
	t := h.lock(name, wild)
	replay, err := t.replay(cl.conn, j)
	if t.members >= limit(h.MaxMembers, DefaultMaxMembers) {
		err = ErrTooManyMembers
	}
	if err != nil {
		err = cl.refuse(t, j, err)
		u := t.rest()
		t.mu.Unlock()
		h.retire(t, u)
		return Position{}, err
	}
	p := t.part(cl.shard)
	p.count++
	t.members++
	sub := &subscription{subscriber: cl, part: p, at: nowhere}
	if j != nil {
		j.made = sub
	}
	at, ask := t.positionNow(), false
	if t.across != nil {
		t.changeCensus()
		if t.across.out {
			sub.outage = t.across.outage
		}
	}
	ask = cl.shard.put(operation{part: p, sub: sub, replay: held(replay), answer: cl.answer(j, at, nil)})
	t.reportJoined(cl)
	t.mu.Unlock()
	h.counts.subscriptions.Add(1)
	cl.subs = append(cl.subs, sub)
	if ask {
		cl.shard.ask()
	}
	return at, nil
}

// positionNow is the position that a new member is given. mu is held.
func (t *topic) positionNow() Position {
	if t.wild || t.isRecorded() && t.isUnsettled() {
		return Position{}
	}
	return t.position()
}

// again is join for a member. cl.mu is held.
func (cl *subscriber) again(sub *subscription, j *joining) (Position, error) {
	t := sub.part.topic
	t.mu.Lock()
	defer t.mu.Unlock()
	if j == nil {
		cl.makeSure(sub)
	} else {
		replay, err := t.replay(cl.conn, j)
		if err != nil {
			return Position{}, cl.refuse(t, j, err)
		}
		if cl.isUnsure(sub) {
			j.made = sub
		}
		if cl.shard.put(operation{part: sub.part, sub: sub, replay: held(replay), answer: cl.answer(j, t.position(), nil)}) {
			cl.shard.ask()
		}
	}
	return t.positionNow(), nil
}

// isUnsure reports whether a membership ends if the calls that have no answer yet all fail. mu is held.
func (cl *subscriber) isUnsure(sub *subscription) bool {
	return slices.ContainsFunc(cl.unanswered, func(j *joining) bool { return j.made == sub })
}

// makeSure has a membership stay, whatever becomes of the calls that have no answer yet. mu is held.
func (cl *subscriber) makeSure(sub *subscription) {
	for _, j := range cl.unanswered {
		if j.made == sub {
			j.made = nil
		}
	}
}

// answer is the answer to a joining; nil if there is none.
func (cl *subscriber) answer(j *joining, at Position, err error) *answer {
	if j == nil {
		return nil
	}
	return &answer{cl, j, at, err}
}

// refuse has a joining that cannot be done now wait, or answers that it fails. Other errors it returns. cl.mu is
// held, and the topic's.
func (cl *subscriber) refuse(t *topic, j *joining, err error) error {
	if err == errWait && len(t.across.waiters) >= limit(cl.hub.MaxMembers, DefaultMaxMembers) {
		err = ErrTooManyMembers
	}
	switch {
	case err == errWait:
		j.tries++
		t.wait(waiter{cl, j})
	case err == ErrGap, err == ErrTooMuch, j != nil && j.tries > 0:
		cl.fail(j, err)
	default:
		return err
	}
	return nil
}

// fail answers a joining with an error.
func (cl *subscriber) fail(j *joining, err error) {
	if cl.shard.put(operation{answer: cl.answer(j, Position{}, err)}) {
		cl.shard.ask()
	}
}

// rejoin goes on with those that waited for a topic.
func (t *topic) rejoin(waiters []waiter) {
	if len(waiters) == 0 {
		return
	}
	for _, w := range waiters {
		cl, j := w.subscriber, w.joining
		cl.mu.Lock()
		if slices.Contains(cl.unanswered, j) {
			if _, err := cl.join(j.name, false, j); err != nil {
				cl.fail(j, err)
			}
		}
		cl.mu.Unlock()
	}
	t.mu.Lock()
	u := inUse
	if !t.gone.Load() {
		u = t.rest()
	}
	t.mu.Unlock()
	t.hub.retire(t, u)
}

// errWait: whether a connection can join is known later.
var errWait = errors.New("framerail: not known yet")

// replay is what a connection that joins is sent first: all behind its position or, if it has none, the
// last message if newcomers get it. mu is held.
func (t *topic) replay(c *session.Conn, j *joining) ([]*publication, error) {
	r := &t.history
	switch {
	case j != nil && j.failed != nil:
		return nil, j.failed
	case j != nil && j.tries <= maxTries && t.isUnsettled() && (t.across.recorded || j.since == (Position{})):
		return nil, errWait
	case j == nil || j.since == (Position{}):
		if r.last == nil {
			return nil, nil
		}
		return []*publication{r.last}, nil
	case j.since.Epoch != t.era.epoch, t.across.isTorn(j.since):
		return nil, ErrGap
	}
	r.expire(&t.keep, t.hub.now())
	if ahead := j.since.Offset > t.offset; ahead || j.since.Offset < r.floor {
		if !t.isRecorded() || !t.across.isLive() || j.tries > maxTries || ahead && j.answered || !ahead && t.keep.Messages <= 0 {
			return nil, ErrGap // nobody has been there, if the Recorder has not: it was asked behind the call
		}
		return nil, errWait // members do not wait
	}
	all := r.behind(j.since.Offset)
	if !session.MayFit(c, messagesOf(all)) { // its loop looks whether there is room: see subscriber.admit
		return nil, ErrTooMuch
	}
	return all, nil
}

// wait has a connection wait until more is known. mu is held.
func (t *topic) wait(w waiter) {
	a := t.across
	a.waiters = append(a.waiters, w)
	if a.recorded {
		t.want()
	}
}

// Unsubscribe ends a connection's membership in a topic, or a call of SubscribeSince that is not answered. What was published before may still
// reach it. It fails with [ErrNotSubscribed] if the connection is no member.
func (h *Topics) Unsubscribe(c *conn.Conn, topic string) error {
	cl := h.known(c)
	if cl == nil {
		return ErrNotSubscribed
	}
	cl.mu.Lock()
	defer cl.mu.Unlock()
	before := len(cl.unanswered)
	cl.unanswered = slices.DeleteFunc(cl.unanswered, func(j *joining) bool { return j.name == topic })
	cancelled := len(cl.unanswered) < before
	if cancelled {
		cl.stopWaiting(topic)
	}
	i := cl.find(topic)
	if i < 0 {
		if cancelled {
			return nil
		}
		return ErrNotSubscribed
	}
	cl.leave(i, true)
	return nil
}

// leave ends a membership. tell has the loop take it off its list. cl.mu is held.
func (cl *subscriber) leave(i int, tell bool) {
	cl.hub.leave(cl.subs[i], tell)
	last := len(cl.subs) - 1
	cl.subs[i] = cl.subs[last]
	cl.subs[last] = nil
	cl.subs = cl.subs[:last]
}

// stopWaiting has a topic forget a connection that waits for it no more, if it did. cl.mu may be held.
func (cl *subscriber) stopWaiting(topic string) {
	if cl.hub.Broker == nil {
		return
	}
	t := cl.hub.lockIf(topic)
	if t == nil {
		return
	}
	u := inUse
	a := t.across
	waiters := len(a.waiters)
	if a.waiters = slices.DeleteFunc(a.waiters, func(w waiter) bool { return w.subscriber == cl }); len(a.waiters) < waiters {
		u = t.rest()
	}
	t.mu.Unlock()
	cl.hub.retire(t, u)
}
