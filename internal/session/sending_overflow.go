package session

import (
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/session/sendq"
	"github.com/framerail/framerail/internal/transport"
)

// Overflow says what becomes of a message that would pass the bound on pending bytes,
// [Config].MaxPending, because the peer does not read what it is sent. Whatever it
// says, messages stay in order and whole. It is for messages sent at once: [Conn.SendAsWait]
// and a [Writer] wait for room, and control frames have a reserve of their own.
//
// The socket's system holds messages too, which no policy can drop. With the policies that
// drop, linux is told to hold 16 KiB that it has not sent at most, in place of megabytes
// (TCP.UnsentLimit in package server). What has been sent and lies with the network, or with
// the peer's system because the peer does not read, still comes first: of snapshots of
// 16 KiB, a client on the same machine that began to read late got 9 to 12 old ones.
// OverflowDropOldest keeps up to MaxPending bytes of old ones besides.
//
// With the policies that drop, a message for which Send returned nil may never leave.
// [Conn.Dropped] counts those, which a program can look at in the Drained callback;
// [CloseInfo] has the last count.
type Overflow uint8

const (
	// OverflowClose closes the connection with 1013, TryAgainLater: what is pending is
	// still sent, if the peer takes it within the close timeout. The send fails with
	// ErrPendingFull. So a peer misses nothing without knowing. SendAsWait does not close it.
	OverflowClose Overflow = iota
	// OverflowRefuse has the send fail with ErrPendingFull, and leaves what follows to
	// the program; the Drained callback tells when to try again.
	OverflowRefuse
	// OverflowDropOldest drops the oldest whole messages of which no byte has left,
	// as many as make room. What was written with a Writer is never dropped. If there
	// is not enough to drop, the send fails with ErrPendingFull and nothing is dropped.
	OverflowDropOldest
	// OverflowLatest keeps the latest message of each key of [Outgoing]:
	// once the socket is full, which on linux it is when it holds 16 KiB that it has not sent
	// (TCP.UnsentLimit in package server), a message takes the place of the one of its key that
	// waits and of which no byte has left. It goes to the end, as order demands: while
	// more changes than the peer can read, what changes most waits longest. A key
	// that waits takes 64 bytes of the bound. For the rest it is OverflowClose.
	OverflowLatest
)

// String is the policy in words, such as "drop oldest".
func (o Overflow) String() string {
	switch o {
	case OverflowRefuse:
		return "refuse"
	case OverflowDropOldest:
		return "drop oldest"
	case OverflowLatest:
		return "latest"
	}
	return "close"
}

// drops tells whether messages that wait may be dropped.
func (o Overflow) drops() bool { return o == OverflowDropOldest || o == OverflowLatest }

// dropsOldest tells whether a message that is sent now may be dropped later, without one that replaces it.
func (c *sending) dropsOldest() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.overflow == OverflowDropOldest
}

// SetOverflow sets this connection's policy in place of [Config].Overflow. What waits
// already will not be dropped. An unknown policy counts as OverflowClose.
func (c *sending) SetOverflow(o Overflow) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if q := c.tx; q != nil {
		q.main.KeepAll()
		if q.writer != nil {
			q.writer.behind.KeepAll()
		}
	}
	if was := c.overflow.drops(); was != o.drops() {
		c.limitUnsent(o)
	}
	c.overflow = o
}

// limitUnsent has the transport hold little where the policy drops what waits: what the
// transport holds cannot be dropped any more. mu is held.
func (c *sending) limitUnsent(o Overflow) {
	bytes := c.config().UnsentLimit
	below, ok := c.transport.(transport.Limiter)
	if !ok || bytes < 0 || c.State() != Open {
		return
	}
	if !o.drops() {
		bytes = 0
	}
	below.LimitUnsent(bytes)
}

// Dropped is how many messages, and bytes of their frames, were dropped by the
// overflow policy after Send had accepted them.
func (c *sending) Dropped() (messages, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.extras == nil || c.extras.drops == nil {
		return 0, 0
	}
	return c.extras.drops.messages, c.extras.drops.bytes
}

// drops counts the messages that were dropped.
type drops struct{ messages, bytes int64 }

// noteDropped counts dropped messages. mu is held.
func (c *sending) noteDropped(why rareEvent, messages, bytes int) {
	c.policy().count(why, messages)
	x := c.makeExtras()
	if x.drops == nil {
		x.drops = new(drops)
	}
	x.drops.messages += int64(messages)
	x.drops.bytes += int64(bytes)
}

// claimRoom makes sure that there is room for a message of n bytes: it sends what merely waits
// for the loop's turn and, if that does not help, does what the policy says.
// mu is held.
func (c *sending) claimRoom(n int, key string) error {
	q, bound := c.out(), c.limits().MaxPending
	if q.writer != nil && n > bound/2 {
		q.blockedByWriter = q.pending() > 0 // it is the program's own Writer that is in the way
		c.policy().count(rareOverflowRefused, 1)
		return ErrPendingFull
	}
	total, behind := q.lack(n, bound)
	if total > 0 && c.flushWaiting(q) {
		if c.State() != Open {
			return ErrClosed // it broke
		}
		q = c.out()
		total, behind = q.lack(n, bound)
	}
	if key != "" && q.blocked {
		c.supersede(q, key)
		total, behind = q.lack(n, bound)
	}
	if total <= 0 && behind <= 0 {
		return nil
	}
	q.refused = q.refused || !q.main.Empty()
	q.blockedByWriter = q.blockedByWriter || q.writer != nil && q.pending() > 0
	switch c.overflow {
	case OverflowRefuse:
	case OverflowDropOldest:
		if c.dropOldest(q, total, behind) {
			return nil
		}
	default:
		c.closeFull()
		return ErrPendingFull
	}
	c.policy().count(rareOverflowRefused, 1)
	return ErrPendingFull
}

// closeFull closes the connection of a peer that does not read. mu is held.
func (c *sending) closeFull() {
	const reason = "too many bytes are pending"
	var scratch [frame.MaxControlPayload]byte
	payload, _ := frame.AppendClose(scratch[:0], frame.TryAgainLater, reason) // it can be sent
	e := c.ending(Local, ErrPendingFull)
	e.drop = true
	c.policy().count(rareOverflowClosed, 1)
	c.sendClose(e, frame.TryAgainLater, reason, payload)
}

// dropOldest drops messages until so many bytes are free in all, and so many behind
// the Writer; none if there are not enough. mu is held.
func (c *sending) dropOldest(q *queue, total, behind int) bool {
	// What is in main was sent before what is behind.
	behind = max(behind, total-q.main.Droppable(total))
	if behind > 0 && (q.writer == nil || q.writer.behind.Droppable(behind) < behind) {
		return false
	}
	lost := c.dropListener()
	messages, bytes := q.main.DropOldest(&c.loop.sends, total, lost)
	if behind > 0 {
		m, n := q.writer.behind.DropOldest(&c.loop.sends, behind, lost)
		messages, bytes = messages+m, bytes+n
	}
	c.noteDropped(rareDroppedOldest, messages, bytes)
	return true
}

// supersede drops the message of that key that has not begun to leave, if there is
// one. It is called only while the transport is full: a peer that keeps up gets every
// message. mu is held.
func (c *sending) supersede(q *queue, key string) {
	var behind *sendq.Queue
	if q.writer != nil {
		behind = &q.writer.behind
	}
	messages, bytes := q.main.Supersede(key, behind)
	if messages > 0 {
		c.noteDropped(rareReplaced, messages, bytes)
	}
}
