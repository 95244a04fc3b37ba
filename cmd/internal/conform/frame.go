package conform

import (
	"encoding/binary"
	"fmt"
)

// Opcodes: RFC 6455 5.2.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xa
)

// Reserved bits as Header.RSV and Frame.RSV have them.
const (
	rsv1 = 4
	rsv2 = 2
	rsv3 = 1
)

// lengthForm says how a frame's header gives the payload's length.
type lengthForm uint8

const (
	shortest lengthForm = iota // as RFC 6455 5.2 asks for
	form16                     // in 16 bits, whatever it is
	form64                     // in 64 bits
)

// Frame is a frame to send, right or wrong. The zero value is an empty final
// continuation frame.
type Frame struct {
	More     bool // not final: FIN is 0
	RSV      byte // RSV1 is 4, RSV2 is 2, RSV3 is 1
	Opcode   byte // its lower four bits
	Payload  []byte
	Unmasked bool       // wrong for a client: RFC 6455 5.1
	Form     lengthForm // other than shortest is wrong
	Claim    uint64     // the length that the header gives in place of the payload's; 0: the payload's
	Key      *[4]byte   // the masking key; nil: one of the session's
}

// append appends f to dst, masked with key if it is masked.
func (f Frame) append(dst []byte, key [4]byte) []byte {
	first := f.RSV&7<<4 | f.Opcode&15
	if !f.More {
		first |= 0x80
	}
	var mask byte
	if !f.Unmasked {
		mask = 0x80
	}
	length := uint64(len(f.Payload))
	if f.Claim != 0 {
		length = f.Claim
	}
	switch {
	case f.Form == form64, f.Form == shortest && length > 0xffff:
		dst = binary.BigEndian.AppendUint64(append(dst, first, mask|127), length)
	case f.Form == form16, length > 125:
		dst = binary.BigEndian.AppendUint16(append(dst, first, mask|126), uint16(length))
	default:
		dst = append(dst, first, mask|byte(length))
	}
	if f.Unmasked {
		return append(dst, f.Payload...)
	}
	dst = append(dst, key[:]...)
	from := len(dst)
	dst = append(dst, f.Payload...)
	for i, payload := 0, dst[from:]; i < len(payload); i++ {
		payload[i] ^= key[i&3]
	}
	return dst
}

// header is f's header as the wire log has it.
func (f Frame) header(key [4]byte) *Header {
	h := &Header{Fin: !f.More, RSV: f.RSV, Opcode: f.Opcode & 15, Length: int64(len(f.Payload))}
	if f.Claim != 0 {
		h.Length = int64(f.Claim)
	}
	if !f.Unmasked {
		h.Masked, h.Key = true, key
	}
	return h
}

// text and the others are frames as they should be.
func text(payload string) Frame          { return Frame{Opcode: opText, Payload: []byte(payload)} }
func binaryFrame(payload []byte) Frame   { return Frame{Opcode: opBinary, Payload: payload} }
func ping(payload string) Frame          { return Frame{Opcode: opPing, Payload: []byte(payload)} }
func pong(payload string) Frame          { return Frame{Opcode: opPong, Payload: []byte(payload)} }
func continuation(payload string) Frame  { return Frame{Payload: []byte(payload)} }
func (f Frame) more() Frame              { f.More = true; return f }
func (f Frame) reserved(bits byte) Frame { f.RSV = bits; return f }

// closeFrame is a Close frame with a code and a reason, neither of them checked.
func closeFrame(code uint16, reason string) Frame {
	return Frame{Opcode: opClose, Payload: append(binary.BigEndian.AppendUint16(nil, code), reason...)}
}

// fragments cuts payload into a message of frames of size bytes, the last of the
// rest. An empty payload is one empty frame.
func fragments(opcode byte, payload []byte, size int) []Frame {
	var frames []Frame
	for len(payload) > size {
		frames = append(frames, Frame{Opcode: opcode, More: true, Payload: payload[:size]})
		opcode, payload = opContinuation, payload[size:]
	}
	return append(frames, Frame{Opcode: opcode, Payload: payload})
}

// opcodeName names an opcode in sentences.
func opcodeName(opcode byte) string {
	switch opcode {
	case opContinuation:
		return "continuation"
	case opText:
		return "text"
	case opBinary:
		return "binary"
	case opClose:
		return "close"
	case opPing:
		return "ping"
	case opPong:
		return "pong"
	}
	return fmt.Sprintf("reserved opcode %d", opcode)
}
