package frame

import (
	"encoding/binary"

	"github.com/framerail/framerail/mask"
)

// The stages of a Decoder. stageRest alone means that there is no state worth
// keeping: the fast path asks for nothing else.
const (
	stageUnset   = iota // Reset was never called
	stageRest           // between two messages, nothing of a header held
	stageHeader         // in a header, or between two frames of one message
	stageData           // in a data frame's payload
	stageControl        // in a control frame's payload
	stageFailed         // err is set
)

// Decoder turns the bytes of one direction of a connection into events. It is a
// state machine that can stop at any byte. It allocates nothing, and holds nothing of
// the caller's between two calls. The zero value is ready, as a Server with default
// limits. It is for one goroutine at a time.
type Decoder struct {
	err *Error // the first error found

	maxSize      int64 // bytes per message
	size         int64 // bytes that the headers of the message so far claimed
	remaining    int64 // payload bytes of the data frame still to come
	maxFragments int   // frames per message
	fragments    int   // frames of the message so far

	key     mask.Key // turned to the next payload byte
	stage   uint8
	mask    uint8     // the mask bit that the peer's frames must have
	rsv     uint8     // the RSV bits negotiated for the first frame of a message
	opcode  Opcode    // of the message in progress; Continuation: none
	control Opcode    // of the control frame in progress
	length  uint8     // of its payload
	held    uint8     // bytes in buf
	fin     bool      // the data frame in progress is its message's last
	first   bool      // no event has been given of the message in progress
	rsv1    bool      // the message that came last has RSV1 in its first frame
	text    textState // of the message in progress, if it is text

	// A header or the payload of a control frame, as far as it has come.
	buf [MaxControlPayload]byte
}

// Reset makes the Decoder ready for the start of a connection, with role the
// part played by this end: a Server takes only masked frames, a Client only
// unmasked ones.
func (d *Decoder) Reset(role Role, limits Limits) {
	d.err = nil
	d.setLimits(limits)
	d.size, d.remaining, d.fragments = 0, 0, 0
	d.mask = bitMask
	if role == Client {
		d.mask = 0
	}
	d.key, d.rsv = 0, 0
	d.stage, d.opcode, d.held = stageRest, Continuation, 0
	d.fin, d.first, d.rsv1 = false, false, false
	d.text = textWhole
}

// Next reads from b up to the next event and returns how many bytes it read. The zero
// Event says that all of b was read and has no further event. Nothing is held back:
// when n == len(b), there is no need to call again before more bytes arrive.
//
//	for len(b) > 0 {
//		ev, n, err := d.Next(b)
//		if err != nil {
//			return err // close with the code of the *frame.Error
//		}
//		b = b[n:]
//		if ev.Opcode != frame.Continuation {
//			handle(ev)
//		}
//	}
//
// A data frame gives one event for each piece of payload that has arrived. A piece has
// at least one byte, except an empty first or last frame of a message (RFC 6455 5.4).
// An empty frame in the middle gives no event. Payloads are unmasked in place, so b is
// changed.
//
// The cuts between calls change only the cuts between pieces. The messages, their types
// and bytes, the control frames and their places, and the error at the end stay the same.
//
// An error is an *Error. n is 0 then, and b is of no more use. Every later call returns the
// same error. Text is checked as it arrives: the piece before the first bad byte is an
// event, and then ErrInvalidUTF8 follows. Text that ends within a sequence is bad at its
// last byte.
func (d *Decoder) Next(b []byte) (ev Event, n int, err error) {
	// A whole message in one frame, all of it in b, at rest: nearly every message
	// of nearly every program. It takes one call, to unmask it, and a second one
	// if it is text that is not ASCII. Other shapes go the long way, which would
	// come to the same result for these. BenchmarkNext shows the gain.
	if d.stage != stageRest || len(b) < 2 || b[1]&bitMask != d.mask {
		return d.next(b)
	}
	op := Opcode(b[0] ^ bitFin)
	if op != Text && op != Binary {
		return d.next(b)
	}
	size, head := int(b[1]&bitsLen), 2
	if size >= length16 {
		if size == length64 || len(b) < 4 {
			return d.next(b)
		}
		size, head = int(binary.BigEndian.Uint16(b[2:])), 4
		if size < length16 {
			return d.next(b)
		}
	}
	payload, ascii := b[head:], false
	if d.mask == 0 {
		if size > len(payload) || int64(size) > d.maxSize {
			return d.next(b)
		}
		payload = payload[:size:size]
	} else {
		if size+maskedLen > len(payload) || int64(size) > d.maxSize {
			return d.next(b)
		}
		key := mask.Key(binary.LittleEndian.Uint32(payload))
		payload = payload[maskedLen : maskedLen+size : maskedLen+size]
		head += maskedLen
		if op == Binary {
			mask.XOR(payload, key)
		} else {
			ascii = mask.XORASCII(payload, key)
		}
	}
	d.rsv1 = false
	if op == Text && !ascii && !ValidText(payload) {
		return d.badText(payload, head)
	}
	return Event{payload, op, true, true}, head + size, nil
}

// badText ends the fast path of a text message that is not UTF-8; head is the
// length of its header.
func (d *Decoder) badText(payload []byte, head int) (Event, int, error) {
	var text textState
	good := text.accept(payload)
	if good == len(payload) {
		good-- // it ends within a sequence
	}
	d.fail(ErrInvalidUTF8)
	if good == 0 {
		return Event{}, 0, d.err
	}
	return Event{Payload: payload[:good:good], Opcode: Text, First: true}, head + good, nil
}

// next is Next for every shape.
func (d *Decoder) next(b []byte) (ev Event, n int, err error) {
	switch d.stage {
	case stageUnset:
		d.Reset(Server, Limits{})
	case stageFailed:
		return Event{}, 0, d.err
	}
	for n < len(b) {
		if d.stage == stageRest || d.stage == stageHeader {
			used, whole, fault := d.header(b[n:])
			if fault != nil {
				d.fail(fault)
				return Event{}, 0, fault
			}
			n += used
			if !whole {
				break
			}
		}
		var used int
		if d.stage == stageControl {
			ev, used = d.controlPayload(b[n:])
		} else {
			var fault *Error
			ev, used, fault = d.dataPayload(b[n:])
			if fault != nil {
				d.fail(fault)
				if ev.Opcode == Continuation {
					return Event{}, 0, fault
				}
			}
		}
		n += used
		if ev.Opcode != Continuation {
			return ev, n, nil
		}
	}
	return Event{}, n, nil
}

// header reads a header, or a part of it, and prepares for its payload. It
// returns how many bytes of b it took, all of them if the header is not whole.
func (d *Decoder) header(b []byte) (n int, whole bool, fault *Error) {
	in := b
	before := int(d.held)
	if before > 0 {
		d.held += uint8(copy(d.buf[before:MaxHeaderLen], b))
		in = d.buf[:d.held]
	}
	if fault = d.checkBytes(in); fault != nil {
		return 0, false, fault
	}
	n, length, fault := scanHeader(in)
	if fault != nil {
		return 0, false, fault
	}
	if n == 0 {
		if before == 0 {
			d.held = uint8(copy(d.buf[:], b))
		}
		d.stage = stageHeader
		return len(b), false, nil
	}
	d.held = 0
	if d.mask != 0 {
		d.key = mask.KeyFromBytes([4]byte(in[n-maskedLen : n]))
	}
	return n - before, true, d.begin(in[0], length)
}

// checkBytes checks the start of a header by the rules that need context, each
// as soon as its byte is there, so that which fault is found first does not
// depend on how the bytes were cut.
func (d *Decoder) checkBytes(b []byte) *Error {
	op := Opcode(b[0] & bitsOp)
	inMessage := d.opcode != Continuation

	// RFC 6455 5.2: RSV bits are 0 but for what an extension negotiated. RFC
	// 7692 6.1: that is the first frame of a data message.
	if rsv := b[0] & bitsRSV; rsv != 0 && (rsv&^d.rsv != 0 || op.IsControl() || inMessage) {
		return errReservedBits
	}
	if fault := checkFirst(b[0]); fault != nil {
		return fault
	}
	// RFC 6455 5.4: fragments of one message are not interleaved with others'.
	if op == Continuation && !inMessage {
		return errUnexpectedContinuation
	}
	if op != Continuation && !op.IsControl() && inMessage {
		return errExpectedContinuation
	}

	// RFC 6455 5.1: a client masks every frame, a server none.
	if len(b) > 1 && b[1]&bitMask != d.mask {
		if d.mask == bitMask {
			return errUnmasked
		}
		return errMasked
	}
	return nil
}

// begin prepares for the payload of a frame.
func (d *Decoder) begin(first byte, length int64) *Error {
	op := Opcode(first & bitsOp)
	if op.IsControl() {
		d.stage = stageControl
		d.control = op
		d.length = uint8(length)
		return nil
	}

	if op != Continuation {
		d.opcode = op
		d.first = true
		d.rsv1 = first&bitRSV1 != 0
		d.size, d.fragments = 0, 0
	}
	if d.fragments >= d.maxFragments {
		return ErrTooManyFragments
	}
	d.fragments++
	most := d.maxSize
	if d.rsv1 {
		most = compressedSize(most)
	}
	// size is at most that, so nothing here overflows.
	if length > most-d.size {
		return ErrMessageTooBig
	}
	d.size += length
	d.stage = stageData
	d.remaining = length
	d.fin = first&bitFin != 0
	return nil
}

// controlPayload takes payload of a control frame from b. The frame is given
// whole, as a slice of b if it is there in one piece.
func (d *Decoder) controlPayload(b []byte) (ev Event, n int) {
	length := int(d.length)
	payload := b
	if d.held > 0 || len(b) < length {
		n = copy(d.buf[d.held:length], b)
		d.held += uint8(n)
		if int(d.held) < length {
			return Event{}, n
		}
		payload = d.buf[:]
	} else {
		n = length
	}
	payload = payload[:length:length]
	mask.XOR(payload, d.key)
	d.held = 0
	d.stage = stageHeader
	if d.opcode == Continuation {
		d.stage = stageRest
	}
	return Event{payload, d.control, true, true}, n
}

// dataPayload takes payload of a data frame from b. With a fault, ev is the
// piece before it, or zero if that is empty.
func (d *Decoder) dataPayload(b []byte) (ev Event, n int, fault *Error) {
	n = len(b)
	if int64(n) > d.remaining {
		n = int(d.remaining)
	}
	if n == 0 && d.remaining > 0 {
		return Event{}, 0, nil
	}
	payload, ascii := b[:n:n], false
	if d.key != 0 { // it always is where this end is the Client
		if d.opcode == Text {
			ascii = mask.XORASCII(payload, d.key)
		} else {
			mask.XOR(payload, d.key)
		}
		d.key = d.key.Rotate(n)
	}
	d.remaining -= int64(n)
	last := d.fin && d.remaining == 0

	// ASCII leaves the state as it is, between two sequences.
	if d.opcode == Text && !d.rsv1 && !(ascii && d.text == textWhole) {
		good := d.text.accept(payload)
		if good == n && last && d.text != textWhole {
			good--
			if n == 0 {
				return Event{}, 0, ErrInvalidUTF8
			}
		}
		if good < n {
			n, last, fault = good, false, ErrInvalidUTF8
			payload = payload[:n:n]
			if n == 0 {
				return Event{}, 0, fault
			}
		}
	}
	ev = Event{payload, d.opcode, d.first, last}
	if n == 0 && !d.first && !last {
		ev = Event{}
	}
	d.first = false
	if d.remaining == 0 {
		d.stage = stageHeader
		if d.fin {
			d.stage = stageRest
			d.opcode = Continuation
		}
	}
	return ev, n, fault
}

// fail makes fault the answer to every further call.
func (d *Decoder) fail(fault *Error) {
	d.stage = stageFailed
	d.err = fault
	d.remaining = 0
}

// Remaining returns how many payload bytes of the data frame in progress are
// still to come: 0 between frames and in a control frame. A caller may read up
// to so many bytes straight to where it wants the payload, and give them to Next
// there.
func (d *Decoder) Remaining() int64 { return d.remaining }

// Fragments returns how many frames the message in progress has had so far or,
// right after an event that is Last but not First, how many its message had. At
// other times it tells nothing.
func (d *Decoder) Fragments() int { return d.fragments }

// AtRest reports whether the Decoder stands between two messages and holds no
// part of a header or of a control frame: what came so far makes no difference
// to what follows, and Reset would change nothing.
func (d *Decoder) AtRest() bool { return d.stage <= stageRest }
