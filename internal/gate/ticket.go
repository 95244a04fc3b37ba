package gate

import (
	"net/http"

	"github.com/framerail/framerail/internal/handshake"
)

// Ticket says how an accepted connection is counted, and whether it is admitted.
type Ticket uint8

const (
	// NoTicket: the connection is not counted, or no longer.
	NoTicket Ticket = iota
	// Counted: it is admitted, and counted among all.
	Counted
	// CountedByAddress: it is admitted, and counted among all and by its address.
	CountedByAddress
	// ExcessTotal: there are too many in all. It is answered so.
	ExcessTotal
	// ExcessAddress: there are too many from its address. It is answered so.
	ExcessAddress
	// ClosedTotal: there are too many in all. It is closed without an answer.
	ClosedTotal
	// ClosedAddress: there are too many from its address. It is closed without an answer.
	ClosedAddress
)

// ErrTooMany and ErrTooManyFromAddress answer connections that are not admitted.
var (
	ErrTooMany = &handshake.Refusal{
		Status: http.StatusServiceUnavailable,
		Reason: "too many connections (RFC 9110 15.6.4)",
		Header: http.Header{"Retry-After": {"5"}},
	}
	ErrTooManyFromAddress = &handshake.Refusal{
		Status: http.StatusTooManyRequests,
		Reason: "too many connections from this address (RFC 6585 4)",
		Header: http.Header{"Retry-After": {"5"}},
	}
)

// Refusal is the answer to a connection that is not admitted; nil if it is.
func (t Ticket) Refusal() *handshake.Refusal {
	switch t {
	case ExcessTotal, ClosedTotal:
		return ErrTooMany
	case ExcessAddress, ClosedAddress:
		return ErrTooManyFromAddress
	}
	return nil
}

// isAnswered reports whether a connection is refused with an answer.
func (t Ticket) isAnswered() bool { return t == ExcessTotal || t == ExcessAddress }

// closed returns the ticket for closing the connection without an answer.
func (t Ticket) closed() Ticket {
	if t == ExcessAddress || t == ClosedAddress {
		return ClosedAddress
	}
	return ClosedTotal
}
