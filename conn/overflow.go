package conn

import "github.com/framerail/framerail/internal/session"

// Overflow is the policy for a message that does not fit into MaxPending because the client
// does not read what it is sent. Under every policy messages stay whole and in order. Control
// frames have room of their own, and [Conn.SendWait] and [Writer] wait instead.
//
// The operating system buffers sent data too, and no policy can drop that. For connections
// whose policy drops messages, Linux is told to hold at most 16 KiB of unsent data (see
// UnsentLimit in server.TCP) instead of megabytes. Data that was sent and is on its way still
// arrives first.
//
// With a policy that drops, a message for which Send returned nil may never leave. See
// [Conn.Dropped].
type Overflow uint8

const (
	// OverflowClose closes the connection with code 1013, TryAgainLater. The send fails with
	// [ErrPendingFull]. What is pending is still sent if the client takes it within
	// CloseTimeout. So a client never misses a message without noticing. This is the default.
	OverflowClose Overflow = iota
	// OverflowRefuse makes the send fail with [ErrPendingFull] and changes nothing else. The
	// drained callback tells when to try again.
	OverflowRefuse
	// OverflowDropOldest drops the oldest whole messages that have not begun to leave, as
	// many as make room. Messages of a Writer are never dropped. If that does not make enough
	// room, nothing is dropped and the send fails with [ErrPendingFull].
	OverflowDropOldest
	// OverflowLatest keeps the latest message of each [Message].Key. Once the socket is full,
	// a message replaces the one of its key that waits and has not begun to leave. It takes
	// the last place in the queue, since messages stay in order: while more changes than the
	// client can read, the key that changes most waits longest. A key that waits takes 64
	// bytes of MaxPending. For the rest this is OverflowClose.
	OverflowLatest
)

// String returns the policy in words, such as "drop oldest".
func (o Overflow) String() string { return session.Overflow(o).String() }

// SetOverflow sets this connection's policy, in place of the server's. Messages that wait
// already are not dropped. An unknown policy counts as OverflowClose.
func (c *Conn) SetOverflow(o Overflow) { (*session.Conn)(c).SetOverflow(session.Overflow(o)) }

// Dropped returns how many messages the [Overflow] policy has dropped after Send had taken
// them, and the bytes of their frames.
func (c *Conn) Dropped() (messages, bytes int64) { return (*session.Conn)(c).Dropped() }
