package server

import (
	"fmt"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/session"
)

// Traffic counts one direction.
type Traffic struct {
	// Messages counts whole messages, fragmented or not: those received to their end, or
	// taken for sending.
	Messages uint64
	// DataFrames, CloseFrames, Pings and Pongs count frames by opcode (RFC 6455 5.2). A
	// received frame counts once some of its payload has come.
	DataFrames, CloseFrames, Pings, Pongs uint64
	// Bytes counts bytes read from sockets, or written to them: headers, control frames and
	// opening handshakes included.
	Bytes uint64
}

// Overflows counts messages that did not fit into MaxPending, by the effect of [conn.Overflow].
type Overflows struct {
	Closed   uint64 // closed the connection
	Refused  uint64 // refused the send, for the program to try again
	Oldest   uint64 // dropped for newer ones
	Replaced uint64 // dropped for a newer one of their key
}

// CloseKind is a way in which connections closed.
type CloseKind struct {
	// By is the side that began to close.
	By conn.Side
	// Code is the close code of the side that began to close. It is NoStatusReceived for a Close frame
	// without a code, and AbnormalClosure without a Close frame. 3000 and 4000 each stand for the
	// thousand codes from there on, and 2999 for unassigned codes below 3000.
	Code frame.CloseCode
}

// String returns side and code, such as "peer 1001".
func (k CloseKind) String() string { return fmt.Sprintf("%v %d", k.By, uint16(k.Code)) }

// MarshalText returns String, so that encoding/json has an object such as {"peer 1001": 12}.
func (k CloseKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Cause is what ended a connection: the kind of its [conn.CloseInfo].Err.
type Cause string

const (
	CauseClean        Cause = "clean"         // both sides finished the closing handshake
	CauseProtocol     Cause = "protocol"      // the client broke a rule of RFC 6455
	CauseOversize     Cause = "oversize"      // MaxMessageSize or MaxFragments
	CauseTooFast      Cause = "too_fast"      // [conn.ErrMessageRate] or [conn.ErrControlRate]
	CauseOverflow     Cause = "overflow"      // [conn.ErrPendingFull]
	CauseIdle         Cause = "idle"          // [conn.ErrIdle]
	CauseWriteStalled Cause = "write_stalled" // [conn.ErrWriteStalled]
	CauseShed         Cause = "shed"          // [conn.ErrShed]
	CauseCloseTimeout Cause = "close_timeout" // [conn.ErrCloseTimeout]
	CauseEOF          Cause = "eof"           // [conn.ErrUnexpectedEOF]
	CauseNetwork      Cause = "network"       // a *net.OpError
	CausePanic        Cause = "panic"         // [conn.ErrPanic]
	CauseAborted      Cause = "aborted"       // this side cut the connection
)

// show translates counters of connections into the public form.
func (t *LoopStats) show(c *session.Counters) {
	t.Opened, t.Closed = c.Opened, c.Closed
	t.Received, t.Sent = traffic(&c.Received), traffic(&c.Sent)
	t.Pending, t.Unsent, t.Panics = c.Pending, c.Unsent, c.Panics
	t.Overflows = Overflows(c.Overflows)
	t.Closes, t.Causes = make(map[CloseKind]uint64), make(map[Cause]uint64)
	for kind, n := range c.Closes.All() {
		t.Closes[CloseKind{By: conn.Side(kind.By), Code: kind.Code}] = n
	}
	for cause, n := range c.Causes.All() {
		t.Causes[Cause(cause)] = n
	}
}

func traffic(t *session.Traffic) Traffic {
	f := t.Frames
	return Traffic{
		Messages: t.Messages, Bytes: t.Bytes,
		DataFrames: f.Data, CloseFrames: f.Close, Pings: f.Ping, Pongs: f.Pong,
	}
}
