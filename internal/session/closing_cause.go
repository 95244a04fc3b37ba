package session

import (
	"encoding/json"
	"errors"
	"iter"
	"net"

	"github.com/framerail/framerail/frame"
)

// Cause is what ended a connection, for counting: the kind of its CloseInfo.Err.
type Cause string

const (
	// Clean: both sides finished the closing handshake (RFC 6455 7.1.4).
	Clean Cause = "clean"
	// Protocol: the peer broke a rule of RFC 6455.
	Protocol Cause = "protocol"
	// Oversize: a message passed MaxMessageSize or MaxFragments.
	Oversize Cause = "oversize"
	// TooFast: ErrMessageRate or ErrControlRate.
	TooFast Cause = "too_fast"
	// Overflowed: ErrPendingFull, by OverflowClose.
	Overflowed Cause = "overflow"
	// Idle: ErrIdle.
	Idle Cause = "idle"
	// WriteStalled: ErrWriteStalled.
	WriteStalled Cause = "write_stalled"
	// Shed: ErrShed.
	Shed Cause = "shed"
	// CloseTimedOut: ErrCloseTimeout.
	CloseTimedOut Cause = "close_timeout"
	// EOF: ErrUnexpectedEOF.
	EOF Cause = "eof"
	// Network: a net.OpError.
	Network Cause = "network"
	// Panicked: ErrPanic.
	Panicked Cause = "panic"
	// Aborted: this side cut it, for any other error.
	Aborted Cause = "aborted"
)

// causes are all of them; their places count them. A new one needs a constant, a
// place here and a case in causeOf.
var causes = [...]Cause{
	Clean, Protocol, Oversize, TooFast, Overflowed, Idle, WriteStalled, Shed, CloseTimedOut, EOF, Network, Panicked,
	Aborted,
}

// causeOf is the kind of the error that ended a connection.
func causeOf(err error) Cause {
	var fault *frame.Error
	var op *net.OpError
	switch {
	case err == nil:
		return Clean
	case errors.Is(err, ErrUnexpectedEOF):
		return EOF
	case errors.As(err, &op):
		return Network
	case errors.Is(err, ErrIdle):
		return Idle
	case errors.Is(err, ErrCloseTimeout):
		return CloseTimedOut
	case errors.Is(err, ErrShed):
		return Shed
	case errors.Is(err, ErrWriteStalled):
		return WriteStalled
	case errors.Is(err, frame.ErrMessageTooBig), errors.Is(err, frame.ErrTooManyFragments):
		return Oversize
	case errors.Is(err, ErrMessageRate), errors.Is(err, ErrControlRate):
		return TooFast
	case errors.Is(err, ErrPendingFull):
		return Overflowed
	case errors.As(err, &fault):
		return Protocol
	case errors.Is(err, ErrPanic):
		return Panicked
	}
	return Aborted
}

// CauseCounts counts closed connections by cause. As JSON it is an object such as
// {"idle": 12}.
type CauseCounts struct{ n [len(causes)]uint64 }

// All yields the causes that there were, and how many connections each ended.
func (c *CauseCounts) All() iter.Seq2[Cause, uint64] {
	return func(yield func(Cause, uint64) bool) {
		for i, n := range c.n {
			if n > 0 && !yield(causes[i], n) {
				return
			}
		}
	}
}

// MarshalJSON implements json.Marshaler.
func (c CauseCounts) MarshalJSON() ([]byte, error) {
	m := make(map[Cause]uint64)
	for cause, n := range c.All() {
		m[cause] = n
	}
	return json.Marshal(m)
}

func (c *CauseCounts) add(o *CauseCounts) {
	for i, n := range o.n {
		c.n[i] += n
	}
}
