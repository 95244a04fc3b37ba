package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Echo checks that the bytes a server sends are the echo of one message. The
// server may cut the message into fragments; it may send nothing else. The zero
// Echo expects nothing: call Expect first. Not safe for use by two goroutines.
type Echo struct {
	opcode  byte   // of the next frame: the message's, then Continuation
	want    []byte // what is still to come of the message
	frame   uint64 // what is still to come of the frame's payload
	final   bool   // the frame has Fin
	header  [10]byte
	headerN int // bytes of header collected; 0 inside a payload
	inside  bool
}

// Expect begins a new message. payload must stay as it is until the echo is
// complete.
func (e *Echo) Expect(opcode byte, payload []byte) {
	*e = Echo{opcode: opcode, want: payload}
}

// Feed takes the next bytes from the server, cut anywhere, and tells whether
// the echo is complete. Bytes that differ from the message, or follow it, are an
// error.
func (e *Echo) Feed(b []byte) (done bool, err error) {
	rest, done, err := e.Take(b)
	if len(rest) > 0 && err == nil {
		return false, fmt.Errorf("%d bytes follow the echo", len(rest))
	}
	return done, err
}

// Take is Feed for a connection on which further echoes are due: rest is what follows this
// one.
func (e *Echo) Take(b []byte) (rest []byte, done bool, err error) {
	for {
		if !e.inside {
			behind, ok, err := e.readHeader(b)
			if err != nil || !ok {
				return nil, false, err
			}
			b = behind
		}
		n := min(uint64(len(b)), e.frame)
		if !bytes.Equal(b[:n], e.want[:n]) {
			return nil, false, errors.New("the echo differs from the message")
		}
		b, e.want, e.frame = b[n:], e.want[n:], e.frame-n
		if e.frame > 0 {
			return nil, false, nil
		}
		e.inside = false
		if e.final {
			if len(e.want) > 0 {
				return nil, false, fmt.Errorf("the echo is %d bytes short", len(e.want))
			}
			return b, true, nil
		}
	}
}

// readHeader collects one header and returns the bytes of b behind it; ok is
// false while the header is incomplete.
func (e *Echo) readHeader(b []byte) (rest []byte, ok bool, err error) {
	for e.headerN < e.headerLen() {
		if len(b) == 0 {
			return nil, false, nil
		}
		e.header[e.headerN] = b[0]
		e.headerN++
		b = b[1:]
	}
	e.headerN = 0

	e.final = e.header[0]&fin != 0
	if e.header[0]&^fin != e.opcode {
		return nil, false, fmt.Errorf("first byte of a frame is %#x, want opcode %#x", e.header[0], e.opcode)
	}
	if e.header[1]&masked != 0 {
		return nil, false, errors.New("the server masks")
	}
	switch n := e.header[1]; n {
	case 126:
		e.frame = uint64(binary.BigEndian.Uint16(e.header[2:]))
	case 127:
		e.frame = binary.BigEndian.Uint64(e.header[2:])
	default:
		e.frame = uint64(n)
	}
	if e.frame > uint64(len(e.want)) {
		return nil, false, fmt.Errorf("a frame of %d bytes, only %d to come", e.frame, len(e.want))
	}
	e.opcode = Continuation
	e.inside = true
	return b, true, nil
}

// headerLen is the length of the header, as far as the bytes collected tell.
func (e *Echo) headerLen() int {
	if e.headerN < 2 {
		return 2
	}
	switch e.header[1] & 0x7f {
	case 126:
		return 4
	case 127:
		return 10
	}
	return 2
}
