package frame

// Error is a rule that the peer broke. It names the rule and carries the close
// code to answer with. There is one value per rule, made once, so that
// errors.Is(err, frame.ErrUnmasked) works, as does errors.As with a *frame.Error
// for the code. A misuse by the caller is a *UsageError instead.
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
	ErrReservedBits      = &Error{ProtocolError, "an RSV bit is set that no extension gave a meaning", "RFC 6455 5.2"}
	ErrReservedOpcode    = &Error{ProtocolError, "the opcode is reserved", "RFC 6455 5.2"}
	ErrFragmentedControl = &Error{ProtocolError, "a control frame is fragmented", "RFC 6455 5.5"}
	ErrControlTooLong    = &Error{ProtocolError, "a control frame's payload is over 125 bytes", "RFC 6455 5.5"}
	ErrUnmasked          = &Error{ProtocolError, "a frame from a client is not masked", "RFC 6455 5.1"}
	ErrMasked            = &Error{ProtocolError, "a frame from a server is masked", "RFC 6455 5.1"}
	ErrNonMinimalLength  = &Error{ProtocolError, "the payload length is not in its shortest form", "RFC 6455 5.2"}
	ErrLengthTopBit      = &Error{ProtocolError, "the top bit of a 64-bit payload length is set", "RFC 6455 5.2"}
)

// The rules that a sequence of frames can break.
var (
	ErrUnexpectedContinuation = &Error{ProtocolError, "a Continuation frame has no message to continue", "RFC 6455 5.4"}
	ErrExpectedContinuation   = &Error{ProtocolError, "a new data frame comes inside a fragmented message", "RFC 6455 5.4"}
	ErrInvalidUTF8            = &Error{InvalidFramePayloadData, "a text message is not UTF-8", "RFC 6455 8.1"}
	ErrMessageTooBig          = &Error{MessageTooBig, "a message is over the size limit", "RFC 6455 10.4"}
	ErrTooManyFragments       = &Error{PolicyViolation, "a message has more fragments than the limit", "RFC 6455 10.4"}
)

// The rules that the payload of a Close frame can break.
var (
	ErrCloseLength     = &Error{ProtocolError, "the payload of a Close frame is one byte", "RFC 6455 5.5.1"}
	ErrCloseCode       = &Error{ProtocolError, "a Close frame carries a code that may not be sent", "RFC 6455 7.4"}
	ErrCloseReasonUTF8 = &Error{InvalidFramePayloadData, "the reason of a Close frame is not UTF-8", "RFC 6455 5.5.1"}
)

// UsageError is a rule that the caller would break: nothing was encoded, and the
// peer is not at fault. There is one value per rule, for errors.Is.
type UsageError struct {
	Rule    string // what the caller asked for, in words
	Section string // where it is forbidden, such as "RFC 6455 7.4.1"
}

// Error names the rule and where it is written.
func (e *UsageError) Error() string {
	return "framerail: " + e.Rule + " (" + e.Section + ")"
}

// What AppendClose refuses to encode.
var (
	ErrSendCloseCode       = &UsageError{"the close code may not be sent", "RFC 6455 7.4"}
	ErrSendCloseNoCode     = &UsageError{"a close reason needs a close code", "RFC 6455 5.5.1"}
	ErrSendCloseReasonLong = &UsageError{"the close reason is over 123 bytes", "RFC 6455 5.5"}
	ErrSendCloseReasonUTF8 = &UsageError{"the close reason is not UTF-8", "RFC 6455 5.5.1"}
)
