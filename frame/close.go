package frame

import (
	"encoding/binary"
	"unicode/utf8"
)

// maxCloseReason is the most bytes the reason of a Close frame may have: those
// of a control frame without the two of the code (RFC 6455 5.5).
const maxCloseReason = MaxControlPayload - 2

// ParseClose reads the payload of a Close frame, unmasked (RFC 6455 5.5.1). An
// empty one gives NoStatusReceived and no error. reason is a slice of payload.
// On an error, a *Error, code is 0 and
// reason nil: answer with the error's own code.
func ParseClose(payload []byte) (code CloseCode, reason []byte, err error) {
	// RFC 6455 7.1.5: without a code it is taken to be 1005.
	if len(payload) == 0 {
		return NoStatusReceived, nil, nil
	}
	if len(payload) == 1 {
		return 0, nil, errCloseLength
	}
	code = CloseCode(binary.BigEndian.Uint16(payload))
	if !code.onWire() {
		return 0, nil, errCloseCode
	}
	reason = payload[2:]
	if !utf8.Valid(reason) {
		return 0, nil, errCloseReasonUTF8
	}
	return code, reason, nil
}

// AppendClose appends the payload of a Close frame to dst and returns the longer
// slice (RFC 6455 5.5.1). NoStatusReceived, or 0, with no reason gives an empty
// payload. A code that may not be sent, a reason without a code, over
// maxCloseReason bytes or not UTF-8 fails with ErrSendClose, and dst comes back as it
// was.
func AppendClose(dst []byte, code CloseCode, reason string) ([]byte, error) {
	if code == NoStatusReceived || code == 0 {
		if reason != "" {
			return dst, errSendCloseNoCode
		}
		return dst, nil
	}
	if !code.onWire() {
		return dst, errSendCloseCode
	}
	if len(reason) > maxCloseReason {
		return dst, errSendCloseReasonLong
	}
	if !utf8.ValidString(reason) {
		return dst, errSendCloseReasonUTF8
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	return append(dst, reason...), nil
}
