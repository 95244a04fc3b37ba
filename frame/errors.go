package frame

import "errors"

// Error is a rule that the peer broke. It names the rule, and the close code with which to
// fail the connection. Find it with errors.As. There is one value for each rule; those of the
// limits and of text are exported, for errors.Is.
type Error struct {
	Code    CloseCode // the code RFC 6455 7.4.1 gives for this fault
	Rule    string    // what was broken, in words
	Section string    // where it is written, such as "RFC 6455 5.5"
}

// Error names the rule, where it is written, and the close code.
func (e *Error) Error() string {
	return "framerail: " + e.Rule + " (" + e.Section + "), close code " + e.Code.String()
}

// The rules that a frame's header can break.
var (
	errReservedBits      = &Error{ProtocolError, "an RSV bit is set that no extension gave a meaning", "RFC 6455 5.2"}
	errReservedOpcode    = &Error{ProtocolError, "the opcode is reserved", "RFC 6455 5.2"}
	errFragmentedControl = &Error{ProtocolError, "a control frame is fragmented", "RFC 6455 5.5"}
	errControlTooLong    = &Error{ProtocolError, "a control frame's payload is over 125 bytes", "RFC 6455 5.5"}
	errUnmasked          = &Error{ProtocolError, "a frame from a client is not masked", "RFC 6455 5.1"}
	errMasked            = &Error{ProtocolError, "a frame from a server is masked", "RFC 6455 5.1"}
	errNonMinimalLength  = &Error{ProtocolError, "the payload length is not in its shortest form", "RFC 6455 5.2"}
	errLengthTopBit      = &Error{ProtocolError, "the top bit of a 64-bit payload length is set", "RFC 6455 5.2"}
)

// The rules that a sequence of frames can break.
var (
	errUnexpectedContinuation = &Error{ProtocolError, "a Continuation frame has no message to continue", "RFC 6455 5.4"}
	errExpectedContinuation   = &Error{ProtocolError, "a new data frame comes inside a fragmented message", "RFC 6455 5.4"}
	ErrInvalidUTF8            = &Error{InvalidFramePayloadData, "a text message is not UTF-8", "RFC 6455 8.1"}
	ErrMessageTooBig          = &Error{MessageTooBig, "a message is over the size limit", "RFC 6455 10.4"}
	ErrTooManyFragments       = &Error{PolicyViolation, "a message has more fragments than the limit", "RFC 6455 10.4"}
)

// The rules that the payload of a Close frame can break.
var (
	errCloseLength     = &Error{ProtocolError, "the payload of a Close frame is one byte", "RFC 6455 5.5.1"}
	errCloseCode       = &Error{ProtocolError, "a Close frame carries a code that may not be sent", "RFC 6455 7.4"}
	errCloseReasonUTF8 = &Error{InvalidFramePayloadData, "the reason of a Close frame is not UTF-8", "RFC 6455 5.5.1"}
)

// ErrSendClose: the caller asked for a Close frame that RFC 6455 does not allow, such as one
// with a reason of over 123 bytes. Nothing was encoded. The error returned says which rule it
// is, and matches ErrSendClose with errors.Is.
var ErrSendClose = errors.New("framerail: such a Close frame may not be sent")

// usageError is a rule that the caller would break.
type usageError struct {
	Rule    string // what the caller asked for, in words
	Section string // where it is forbidden, such as "RFC 6455 7.4.1"
}

// Error names the rule and where it is written.
func (e *usageError) Error() string {
	return "framerail: " + e.Rule + " (" + e.Section + ")"
}

// Is tells that it is an ErrSendClose.
func (e *usageError) Is(target error) bool { return target == ErrSendClose }

// What AppendClose refuses to encode.
var (
	errSendCloseCode       = &usageError{"the close code may not be sent", "RFC 6455 7.4"}
	errSendCloseNoCode     = &usageError{"a close reason needs a close code", "RFC 6455 5.5.1"}
	errSendCloseReasonLong = &usageError{"the close reason is over 123 bytes", "RFC 6455 5.5"}
	errSendCloseReasonUTF8 = &usageError{"the close reason is not UTF-8", "RFC 6455 5.5.1"}
)
