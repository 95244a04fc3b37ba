package session

import (
	"sync/atomic"

	"github.com/framerail/framerail/frame"
)

// Counters are what the connections of a policy have done since it began. All but
// Pending only grow.
type Counters struct {
	// Opened counts connections whose opening handshake was done, Closed those of
	// them whose transport is closed: the difference is open now.
	Opened, Closed uint64

	// Received and Sent are the traffic each way.
	Received, Sent Traffic

	// Pending is how many bytes of frames wait for transports now.
	Pending int64

	// Unsent counts bytes of frames that were pending when their connection closed,
	// and are lost.
	Unsent uint64

	// Overflows are messages for which there was no room, because the peer did not read.
	Overflows Overflows

	// Panics counts callbacks that panicked or called runtime.Goexit.
	Panics uint64

	// Closes counts the connections in Closed by the side that closed them and by the code.
	Closes CloseCounts
	// Causes counts the same by what ended them.
	Causes CauseCounts
}

// Overflows are messages by what the policy did with them; see [Overflow].
type Overflows struct {
	Closed   uint64 // those refused by closing the connection, one for each
	Refused  uint64 // sends refused, for the program to try again
	Oldest   uint64 // dropped for newer ones
	Replaced uint64 // dropped for a newer one of their key
}

// Traffic is what went one way.
type Traffic struct {
	// Messages counts whole ones: received to their end, or taken for sending, be
	// they fragmented or not.
	Messages uint64
	// Frames counts frames; one that is received, once some of its payload has come.
	Frames FrameCounts
	// Bytes are those read from transports, and written to them: headers, control
	// frames and the opening handshakes of connections that were opened included.
	Bytes uint64
}

// FrameCounts are frames by opcode (RFC 6455 5.2). Data is Text, Binary and
// Continuation.
type FrameCounts struct{ Data, Close, Ping, Pong uint64 }

// Add adds o to c, so that several loops' can be summed.
func (c *Counters) Add(o *Counters) {
	c.Opened += o.Opened
	c.Closed += o.Closed
	c.Received.add(&o.Received)
	c.Sent.add(&o.Sent)
	c.Pending += o.Pending
	c.Unsent += o.Unsent
	c.Overflows.Closed += o.Overflows.Closed
	c.Overflows.Refused += o.Overflows.Refused
	c.Overflows.Oldest += o.Overflows.Oldest
	c.Overflows.Replaced += o.Overflows.Replaced
	c.Panics += o.Panics
	c.Closes.add(&o.Closes)
	c.Causes.add(&o.Causes)
}

func (t *Traffic) add(o *Traffic) {
	t.Messages += o.Messages
	t.Bytes += o.Bytes
	t.Frames.Data += o.Frames.Data
	t.Frames.Close += o.Frames.Close
	t.Frames.Ping += o.Frames.Ping
	t.Frames.Pong += o.Frames.Pong
}

// turnCounters are those of what happens for every message. They belong to the
// loop's goroutine and are plain integers: an atomic addition for each would cost
// more than all else that this package does for a short message.
type turnCounters struct {
	received, sent Traffic
	pending        int64
}

// sharedCounters are those of what is rare, or happens on any goroutine while the
// transport is full anyway.
type sharedCounters struct {
	messages, data, bytes atomic.Uint64    // sent
	control               [3]atomic.Uint64 // frames sent: Close, Ping, Pong
	pending               atomic.Int64
	rare                  [rareEvents]atomic.Uint64
	closes                [sides][codes]atomic.Uint64
	causes                [len(causes)]atomic.Uint64
}

// rareEvent is something that is counted when it happens and needs no more than
// that: a constant here, a field of Counters, and a line in AddShared. Count it with
// Policy.count, from any goroutine.
type rareEvent uint8

const (
	rareOpened rareEvent = iota
	rareClosed
	rareUnsent // bytes
	rareOverflowClosed
	rareOverflowRefused
	rareDroppedOldest
	rareReplaced
	rarePanic
	rareEvents // how many there are
)

func (p *Policy) count(e rareEvent, n int) { p.shared.rare[e].Add(uint64(n)) }

// Publish copies to c what a policy has counted on the loop's goroutine, for the owner of
// the loop to show to others: under a lock of its own, once a turn and before it sleeps. On
// the loop.
func (l *Loop) Publish(p *Policy, c *Counters) {
	l.check()
	t := &p.turn // one by one: together they would be copied twice
	c.Received = t.received
	c.Sent = t.sent
	c.Pending = t.pending
}

// AddShared adds to c what is not in Publish's. From any goroutine.
func (p *Policy) AddShared(c *Counters) {
	s := &p.shared
	c.Sent.add(&Traffic{
		Messages: s.messages.Load(),
		Bytes:    s.bytes.Load(),
		Frames: FrameCounts{
			Data:  s.data.Load(),
			Close: s.control[frame.Close&7].Load(),
			Ping:  s.control[frame.Ping&7].Load(),
			Pong:  s.control[frame.Pong&7].Load(),
		},
	})
	c.Pending += s.pending.Load()
	// Closed first, so that Opened - Closed is never negative.
	c.Closed += s.rare[rareClosed].Load()
	c.Opened += s.rare[rareOpened].Load()
	c.Unsent += s.rare[rareUnsent].Load()
	c.Overflows.Closed += s.rare[rareOverflowClosed].Load()
	c.Overflows.Refused += s.rare[rareOverflowRefused].Load()
	c.Overflows.Oldest += s.rare[rareDroppedOldest].Load()
	c.Overflows.Replaced += s.rare[rareReplaced].Load()
	c.Panics += s.rare[rarePanic].Load()
	for side := range s.closes {
		for i := range s.closes[side] {
			c.Closes.n[side][i] += s.closes[side][i].Load()
		}
	}
	for i := range s.causes {
		c.Causes.n[i] += s.causes[i].Load()
	}
}

// countClose counts a connection whose transport is closed.
func (p *Policy) countClose(info *CloseInfo) {
	p.shared.closes[info.By][indexOf(info.code())].Add(1)
	p.shared.causes[causeOf(info.Err)].Add(1)
	p.count(rareClosed, 1) // last: a reader that sees it sees the rest
}
