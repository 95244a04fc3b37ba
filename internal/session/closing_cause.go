package session

import (
	"errors"
	"iter"
	"net"
	"slices"

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

// causes are all of them, each with the errors that it stands for: an error is of the first row
// that takes it. Their places count them. A new one needs a constant and a row.
var causes = [...]struct {
	Cause
	takes func(err error) bool
}{
	{Clean, func(err error) bool { return err == nil }},
	{EOF, oneOf(ErrUnexpectedEOF)},
	{Network, is[*net.OpError]},
	{Idle, oneOf(ErrIdle)},
	{CloseTimedOut, oneOf(ErrCloseTimeout)},
	{Shed, oneOf(ErrShed)},
	{WriteStalled, oneOf(ErrWriteStalled)},
	{Oversize, oneOf(frame.ErrMessageTooBig, frame.ErrTooManyFragments)},
	{TooFast, oneOf(ErrMessageRate, ErrControlRate)},
	{Overflowed, oneOf(ErrPendingFull)},
	{Protocol, is[*frame.Error]},
	{Panicked, oneOf(ErrPanic)},
	{Aborted, func(error) bool { return true }},
}

func oneOf(those ...error) func(error) bool {
	return func(err error) bool {
		return slices.ContainsFunc(those, func(one error) bool { return errors.Is(err, one) })
	}
}

func is[T error](err error) bool {
	var one T
	return errors.As(err, &one)
}

// causeOf is the place in causes of the error that ended a connection.
func causeOf(err error) (place int) {
	for !causes[place].takes(err) {
		place++
	}
	return place
}

// CauseCounts counts closed connections by cause.
type CauseCounts struct{ n [len(causes)]uint64 }

// All yields the causes that there were, and how many connections each ended.
func (c *CauseCounts) All() iter.Seq2[Cause, uint64] {
	return func(yield func(Cause, uint64) bool) {
		for i, n := range c.n {
			if n > 0 && !yield(causes[i].Cause, n) {
				return
			}
		}
	}
}

func (c *CauseCounts) add(o *CauseCounts) {
	for i, n := range o.n {
		c.n[i] += n
	}
}
