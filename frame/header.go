package frame

import (
	"encoding/binary"

	"github.com/framerail/framerail/mask"
)

const (
	// MaxHeaderLen is the most bytes a frame's header takes: two, a 64-bit
	// length and a masking key (RFC 6455 5.2).
	MaxHeaderLen = 2 + 8 + 4

	// MaxControlPayload is the most payload bytes of a control frame (RFC 6455
	// 5.5).
	MaxControlPayload = 125
)

// The bits of a header's first two bytes, and the two lengths that stand for a
// longer form (RFC 6455 5.2).
const (
	bitFin    = 0x80
	bitRSV1   = 0x40
	bitRSV2   = 0x20
	bitRSV3   = 0x10
	bitsRSV   = bitRSV1 | bitRSV2 | bitRSV3
	bitsOp    = 0x0F
	bitMask   = 0x80
	bitsLen   = 0x7F
	length16  = 126
	length64  = 127
	maxLen16  = 1<<16 - 1
	maskedLen = 4
)

// Header is the header of one frame (RFC 6455 5.2). The zero value is an
// unmasked, empty Continuation that is not final.
type Header struct {
	Fin              bool // the last frame of its message
	RSV1, RSV2, RSV3 bool // for extensions; false without one
	Opcode           Opcode
	Masked           bool
	MaskingKey       mask.Key // 0 if not Masked
	PayloadLen       int64    // bytes, 0 or more
}

// DecodeHeader reads the header that b starts with. n is its length in bytes;
// n == 0 without an error says that b holds no whole header yet.
//
// It checks the rules that need no context: reserved opcodes, control frames that are
// fragmented or over MaxControlPayload, and lengths with the top bit set or not in their
// shortest form. Each fails as soon as its byte has arrived, with an *Error and n == 0. A
// Decoder checks the others: RSV bits, masking, and the order of opcodes.
func DecodeHeader(b []byte) (h Header, n int, err error) {
	n, length, fault := scanHeader(b)
	if fault != nil {
		return Header{}, 0, fault
	}
	if n == 0 {
		return Header{}, 0, nil
	}
	h = Header{
		Fin:        b[0]&bitFin != 0,
		RSV1:       b[0]&bitRSV1 != 0,
		RSV2:       b[0]&bitRSV2 != 0,
		RSV3:       b[0]&bitRSV3 != 0,
		Opcode:     Opcode(b[0] & bitsOp),
		Masked:     b[1]&bitMask != 0,
		PayloadLen: length,
	}
	if h.Masked {
		h.MaskingKey = mask.KeyFromBytes([4]byte(b[n-maskedLen : n]))
	}
	return h, n, nil
}

// scanHeader checks the header that b starts with and returns its length and its
// payload's; n == 0 without a fault: it is not whole. A masking key is its last
// four bytes. (A Header would not fit the registers of a result: BenchmarkNext,
// shape=ping.)
func scanHeader(b []byte) (n int, length int64, fault *Error) {
	if len(b) == 0 {
		return 0, 0, nil
	}
	if fault := checkFirst(b[0]); fault != nil {
		return 0, 0, fault
	}
	if len(b) == 1 {
		return 0, 0, nil
	}
	length = int64(b[1] & bitsLen)

	// RFC 6455 5.5: control frames have at most 125 bytes.
	if length > MaxControlPayload && Opcode(b[0]&bitsOp).IsControl() {
		return 0, 0, errControlTooLong
	}

	// RFC 6455 5.2: the length is in its shortest form and below 2^63.
	n = 2
	switch length {
	case length16:
		if len(b) < 4 {
			return 0, 0, nil
		}
		length = int64(binary.BigEndian.Uint16(b[2:]))
		if length < length16 {
			return 0, 0, errNonMinimalLength
		}
		n = 4
	case length64:
		if len(b) < 10 {
			return 0, 0, nil
		}
		length = int64(binary.BigEndian.Uint64(b[2:]))
		if length < 0 {
			return 0, 0, errLengthTopBit
		}
		if length <= maxLen16 {
			return 0, 0, errNonMinimalLength
		}
		n = 10
	}

	if b[1]&bitMask != 0 {
		n += maskedLen
	}
	if len(b) < n {
		return 0, 0, nil
	}
	return n, length, nil
}

// checkFirst checks a frame's first byte by the rules that need no context.
func checkFirst(b byte) *Error {
	op := Opcode(b & bitsOp)
	if op.isReserved() {
		return errReservedOpcode
	}
	// RFC 6455 5.5: control frames are not fragmented.
	if op.IsControl() && b&bitFin == 0 {
		return errFragmentedControl
	}
	return nil
}
