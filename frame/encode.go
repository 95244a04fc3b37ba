package frame

import (
	"encoding/binary"
	"slices"

	"github.com/framerail/framerail/mask"
)

// AppendHeader appends h to dst, its length in the shortest form, and returns
// the longer slice (RFC 6455 5.2). With room for MaxHeaderLen bytes in dst
// nothing is allocated. It does not check the opcode, the RSV bits or the masking. It
// panics if h.PayloadLen is negative.
func AppendHeader(dst []byte, h Header) []byte {
	b0 := byte(h.Opcode & bitsOp)
	if h.Fin {
		b0 |= bitFin
	}
	if h.RSV1 {
		b0 |= bitRSV1
	}
	if h.RSV2 {
		b0 |= bitRSV2
	}
	if h.RSV3 {
		b0 |= bitRSV3
	}
	var b1 byte
	if h.Masked {
		b1 = bitMask
	}

	switch n := h.PayloadLen; {
	case n < 0:
		panic("framerail: negative PayloadLen")
	case n < length16:
		dst = append(dst, b0, b1|byte(n))
	case n <= maxLen16:
		dst = append(dst, b0, b1|length16, byte(n>>8), byte(n))
	default:
		dst = append(dst, b0, b1|length64)
		dst = binary.BigEndian.AppendUint64(dst, uint64(n))
	}
	if h.Masked {
		key := h.MaskingKey.Bytes()
		dst = append(dst, key[:]...)
	}
	return dst
}

// AppendFrame appends a whole frame to dst and returns the longer slice: h, with
// its PayloadLen taken from payload, and the payload, masked if h.Masked.
// payload itself is not changed. A client masks every frame, with a key that no
// one can guess (RFC 6455 5.3); a server masks none (5.1).
func AppendFrame(dst []byte, h Header, payload []byte) []byte {
	h.PayloadLen = int64(len(payload))
	dst = slices.Grow(dst, MaxHeaderLen+len(payload))
	dst = AppendHeader(dst, h)
	if !h.Masked {
		return append(dst, payload...)
	}
	start := len(dst)
	dst = dst[:start+len(payload)]
	mask.Copy(dst[start:], payload, h.MaskingKey)
	return dst
}
