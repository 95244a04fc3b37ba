package conn

import (
	"fmt"

	"github.com/framerail/framerail/frame"
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

// Overflows counts messages that did not fit into MaxPending, by the effect of [Overflow].
type Overflows struct {
	Closed   uint64 // closed the connection
	Refused  uint64 // refused the send, for the program to try again
	Oldest   uint64 // dropped for newer ones
	Replaced uint64 // dropped for a newer one of their key
}

// CloseKind is a way in which connections closed.
type CloseKind struct {
	// By is the side that began to close.
	By Side
	// Code is the close code of the side that began to close. It is NoStatusReceived for a Close frame
	// without a code, and AbnormalClosure without a Close frame. 3000 and 4000 each stand for the
	// thousand codes from there on, and 2999 for unassigned codes below 3000.
	Code frame.CloseCode
}

// String returns side and code, such as "peer 1001".
func (k CloseKind) String() string { return fmt.Sprintf("%v %d", k.By, uint16(k.Code)) }

// MarshalText returns String, so that encoding/json has an object such as {"peer 1001": 12}.
func (k CloseKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
