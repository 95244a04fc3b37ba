package server

import (
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/callbacks"
	"github.com/framerail/framerail/internal/session"
)

// Traffic counts one direction.
type Traffic = conn.Traffic

// Overflows counts messages that did not fit into MaxPending, by the effect of [conn.Overflow].
type Overflows = conn.Overflows

// CloseKind is a way in which connections closed.
type CloseKind = conn.CloseKind

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
	t.Received, t.Sent = callbacks.Traffic(&c.Received), callbacks.Traffic(&c.Sent)
	t.Pending, t.Unsent, t.Panics = c.Pending, c.Unsent, c.Panics
	t.Overflows = Overflows(c.Overflows)
	t.Closes, t.Causes = callbacks.Closes(&c.Closes), make(map[Cause]uint64)
	for cause, n := range c.Causes.All() {
		t.Causes[Cause(cause)] = n
	}
}
