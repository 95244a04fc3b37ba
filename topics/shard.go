package topics

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/framerail/framerail/internal/session"
)

// shard is what belongs to one loop: the lists of those members whose connections it has.
// Other goroutines put operations into its inbox. The loop carries them out in their order.
type shard struct {
	hub     *Topics
	loop    *session.Loop
	drainFn func() // drain, made once

	mu    sync.Mutex
	ops   []operation // guarded by mu
	asked bool        // guarded by mu: the loop will come
	taken uint64      // guarded by mu: how often it has taken ops

	subscribers int // guarded by Topics.mu

	// lists is held while a list of members changes, which only the loop does. So the loop
	// reads without it, and other goroutines with it.
	lists sync.Mutex

	backlog atomic.Int64 // bytes of the publications that wait, about
	asks    atomic.Int64 // bytes of the calls of SubscribeSince that wait, about, without the messages
	behind  atomic.Bool  // backlog has reached its bound, and half of it is not free yet

	// Owned by the loop.
	batch []operation
	next  int // the first of batch that is not carried out
	begun int // how many members have had that one's publication
}

// operation is one thing for a loop to do with a list of members. pub is to be sent to all of
// the part but except, unless sub is set: then sub joins and is sent replay, or leaves. answer is called before. gap
// is reported for the members.
type operation struct {
	part   *part
	pub    *publication
	except *session.Conn // nil: none
	sub    *subscription
	replay []*publication
	leaves bool
	answer *answer
	gap    *gap
}

// gap is that members were not sent all that other nodes have published.
type gap struct {
	at     Position // where they go on
	outage uint32   // only those that joined in this outage of the broker; 0: all
	taken  uint64   // shard.taken when it was put

	members []*subscription // owned by the loop: those that are not told yet; nil: all of the part
}

// answer is the answer to a call of SubscribeSince.
type answer struct {
	subscriber *subscriber
	joining    *joining
	at         Position
	err        error
}

// give calls the program's function.
func (a *answer) give() {
	if f := a.joining.answer; f != nil {
		a.subscriber.call("SubscribeSince", func() { f(a.at, a.err) })
	}
}

// put appends operations. It reports whether the caller must call ask.
func (s *shard) put(o operation) (ask bool) {
	s.mu.Lock()
	ask = s.putLocked(o)
	s.mu.Unlock()
	return ask
}

// putGap is put of a gap. If it follows another one of the part, and both wait, they are one: while a loop is behind, each
// message that is dropped is a gap.
func (s *shard) putGap(p *part, g gap) (ask bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g.taken = s.taken
	if last := p.gap; last != nil && last.taken == g.taken && last.outage == g.outage {
		*last = g
		return false
	}
	ask = s.putLocked(operation{part: p, gap: &g})
	p.gap = &g
	return ask
}

func (s *shard) putLocked(o operation) (ask bool) {
	if o.part != nil {
		o.part.gap = nil
	}
	if o.answer != nil {
		s.asks.Add(o.askSize())
	}
	s.ops = append(s.ops, o)
	ask = !s.asked
	s.asked = true
	return ask
}

// ask has the loop come.
func (s *shard) ask() { s.loop.Ask(s.drainFn) }

// drain carries out what has come, as much as a turn may take, and asks for another turn for the
// rest. On the loop.
func (s *shard) drain() {
	more := true
	defer func() { // also if a callback calls runtime.Goexit
		s.mu.Lock()
		more = more || len(s.ops) > 0
		s.asked = more
		s.mu.Unlock()
		if more {
			s.ask()
		}
	}()
	more = s.carryOut(turnShare)
}

const (
	// turnShare is how many messages are queued for members in one turn, about: a millisecond's or two's
	// worth. Then the loop serves others, and writes.
	turnShare = 2 << 10
	// directShare is what a message counts of that if it may be written at once: a system call takes 6 to 10 µs.
	directShare = 8
	// opCost is what an operation counts of the backlog, in bytes, besides its publication: its places in two lists.
	opCost = 160
	// askCost is what a call of SubscribeSince takes, in bytes, besides its operation and the list of what it is sent.
	askCost = 192
	// maxBatch is the longest list of operations that is kept for the next.
	maxBatch = 1 << 12
)

// carryOut carries out what has come, until about that many messages are queued, or fewer are written. A publication to many
// members may be split: only closed connections leave their list before the next operation. carryOut reports whether there
// may be more. On the loop.
func (s *shard) carryOut(most int) (more bool) {
	delivered := 0
	defer func() { s.hub.counts.delivered.Add(uint64(delivered)) }()
	for done := 0; done < most; {
		if s.next == len(s.batch) && !s.take() {
			return false
		}
		o := s.batch[s.next]
		if o.pub == nil {
			s.done() // first: an answer may end the goroutine, and is not given twice
		}
		sent, work := s.perform(&o, most-done)
		delivered += sent
		done += 1 + work
		if o.pub != nil && s.begun == 0 {
			s.done()
		}
	}
	return true
}

// done forgets the first operation.
func (s *shard) done() {
	s.batch[s.next] = operation{}
	s.next++
}

// take takes what has come, and reports whether there is anything.
func (s *shard) take() bool {
	if cap(s.batch) > maxBatch {
		s.batch = nil
	}
	s.mu.Lock()
	s.batch, s.ops, s.next = s.ops, s.batch[:0], 0
	s.taken++
	s.mu.Unlock()
	return len(s.batch) > 0
}

// perform carries out one operation or, of a publication, for as many members as most allows. It returns how many
// messages it sent, and what its work counts of most: the members it looked at, or the messages it replayed.
func (s *shard) perform(o *operation, most int) (sent, work int) {
	switch {
	case o.pub != nil:
		members, last, share := o.part.members[s.begun:], s.isLast(), 1
		if last {
			share = directShare
		}
		n := min(len(members), max(most/share, 1))
		work = n * share
		sent = s.send(members[:n], o, last)
		if n < len(members) {
			s.begun += n
			return sent, work
		}
		s.begun = 0
		s.backlog.Add(-int64(o.pub.size + opCost))
		o.pub.release()
	case o.leaves:
		s.remove(o.sub)
	case o.gap != nil:
		work = len(o.part.members)
		s.tell(o)
	default:
		work = len(o.replay)
		sent = s.join(o)
	}
	return sent, work
}

// askSize is what an operation that answers a call of SubscribeSince counts of shard.asks.
func (o *operation) askSize() int64 {
	return int64(opCost + askCost + 8*len(o.replay)) // pointers
}

// join has a member join, and sends it what it is sent first. Its answer comes before. Without a member there is
// only an answer.
func (s *shard) join(o *operation) (sent int) {
	if o.answer != nil {
		s.asks.Add(-o.askSize())
		if !o.answer.subscriber.admit(o) {
			o.dropReplay()
			return 0
		}
	}
	if o.sub != nil {
		s.add(o.sub)
		defer func() { sent = o.sub.replay(o.replay) }() // also if the answer calls runtime.Goexit
	}
	if o.answer != nil {
		o.answer.give()
	}
	return 0
}

// tell has OnGap called for members. It may close connections, whose members leave the list. If it calls runtime.Goexit, the
// loop's next goroutine tells those that are left.
func (s *shard) tell(o *operation) {
	p, g := o.part, o.gap
	if g.members == nil {
		g.members = slices.Clone(p.members)
	}
	defer func() {
		if len(g.members) == 0 {
			g.members = nil // part.gap may stay for long, and would keep those that leave
			return
		}
		s.next--
		s.batch[s.next] = *o
	}()
	for len(g.members) > 0 {
		sub := g.members[0]
		g.members = g.members[1:]
		if (g.outage == 0 || sub.outage == g.outage) && sub.at >= 0 {
			cl := sub.subscriber
			cl.call("OnGap", func() { s.hub.OnGap(connOf(cl.conn), p.topic.name, g.at) })
		}
	}
}

// isLast reports whether nothing waits behind the operation that is carried out.
func (s *shard) isLast() bool {
	if s.next+1 < len(s.batch) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.ops) == 0
}

// send sends an operation's publication to members, once to each of their connections.
func (s *shard) send(members []*subscription, o *operation, last bool) (sent int) {
	pub := o.pub
	for _, sub := range members {
		cl := sub.subscriber
		if cl.conn == o.except || pub.once != 0 && cl.once == pub.once || pub.outage != 0 && sub.outage == pub.outage && sub.part.topic == pub.era.topic {
			continue
		}
		cl.once = pub.once
		sent += sub.send(pub, last)
	}
	return sent
}

// Where a subscription is that has no place in its list.
const (
	nowhere = -1 // it may get one
	ended   = -2 // it gets none any more: its connection is closed
)

// add puts a member on its list, unless it is there.
func (s *shard) add(sub *subscription) {
	if sub.at != nowhere {
		return
	}
	s.lists.Lock()
	sub.at = int32(len(sub.part.members))
	sub.part.members = append(sub.part.members, sub)
	s.lists.Unlock()
}

// remove takes a member off its list, if it is there.
func (s *shard) remove(sub *subscription) {
	if sub.at < 0 {
		return
	}
	p, at := sub.part, int(sub.at)
	s.lists.Lock()
	if at < s.begunOf(p) { // its place goes to the last that has had the publication
		s.begun--
		at = p.move(s.begun, at)
	}
	last := len(p.members) - 1
	if at != last { // or the last one has another place already
		p.move(last, at)
	}
	p.members[last] = nil
	p.members = p.members[:last]
	if cap(p.members) > 64 && len(p.members) < cap(p.members)/4 {
		p.members = append(make([]*subscription, 0, 2*len(p.members)), p.members...)
	}
	s.lists.Unlock()
	sub.at = nowhere
}

// move gives a member another place, and returns its old one.
func (p *part) move(from, to int) int {
	moved := p.members[from]
	p.members[to], moved.at = moved, int32(to)
	return from
}

// begunOf is how many members of a part have had the publication that is carried out and not yet done.
func (s *shard) begunOf(p *part) int {
	if s.begun == 0 || s.batch[s.next].part != p {
		return 0
	}
	return s.begun
}
