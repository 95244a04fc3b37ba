package conform

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

// maxReceived bounds what a server may send in one case, in payload bytes: four
// times the longest message that a case sends.
const maxReceived = 64 << 20

// fault is something that a server may not send, as a sentence with the section
// that says so. It fails whatever case is being played.
type fault string

func (f fault) Error() string { return string(f) }

func faultf(format string, args ...any) error { return fault(fmt.Sprintf(format, args...)) }

// decoder undoes what an extension does to a message with RSV1.
type decoder interface {
	// decode returns the message that payload is the sent form of. It may use
	// payload's memory. An error is a fault.
	decode(payload []byte) ([]byte, error)
}

// received is what a reader has found: a frame and, if that is a message's last or
// a control frame, the event that it is.
type received struct {
	header  Header
	payload []byte // of the frame, as sent; valid until the reader is fed again
	event   *event
	close   *closing // of a Close frame
}

// closing is what a Close frame says.
type closing struct {
	code   uint16 // 0: none
	reason string
}

// reader takes what a server sends apart, and finds what a server may not send. It
// is the strictest reading of RFC 6455 there is, and shares no code with the library.
type reader struct {
	decoder decoder // nil if no extension was agreed: then RSV1 is an error
	masked  bool    // what comes has to be masked: this side is the server
	most    int64   // payload bytes that a server may send; 0: maxReceived

	buf   []byte // not yet taken apart
	off   int    // of it, what has been
	total int64  // payload bytes so far

	open       bool // a message has begun
	opcode     byte // of it
	compressed bool // it has RSV1
	message    []byte
	closed     bool // a Close frame came
}

// feed adds bytes. Slices that next returned are no longer valid.
func (r *reader) feed(b []byte) {
	r.buf = append(r.buf[:copy(r.buf, r.buf[r.off:])], b...)
	r.off = 0
}

// next returns the next frame, or nil if more bytes are needed for it. After an
// error, which is a fault, it must not be called again.
func (r *reader) next() (*received, error) {
	rest := r.buf[r.off:]
	if r.closed && len(rest) > 0 {
		return nil, fault("bytes after a Close frame (RFC 6455 5.5.1)")
	}
	h, n, err := parseHeader(rest)
	if err != nil || n == 0 {
		return nil, err
	}
	if err := r.allowed(h); err != nil {
		return nil, err
	}
	if r.total+h.Length > cmp.Or(r.most, maxReceived) {
		return nil, faultf("%d bytes and more, where the client sent far less", r.total+h.Length)
	}
	if h.Masked {
		if len(rest) < n+len(h.Key) {
			return nil, nil
		}
		n += copy(h.Key[:], rest[n:])
	}
	if int64(len(rest)-n) < h.Length {
		return nil, nil
	}
	payload := rest[n : n+int(h.Length)]
	if h.Masked {
		for i := range payload {
			payload[i] ^= h.Key[i&3]
		}
	}
	r.off += n + int(h.Length)
	r.total += h.Length

	got := &received{header: h, payload: payload}
	switch h.Opcode {
	case opPing:
		got.event = &event{gotPing, append([]byte(nil), payload...)}
	case opPong:
		got.event = &event{gotPong, append([]byte(nil), payload...)}
	case opClose:
		r.closed = true
		got.close, err = parseClose(payload)
	default:
		got.event, err = r.data(h, payload)
	}
	return got, err
}

// unfinished is an error if the bytes ended within something.
func (r *reader) unfinished() error {
	switch {
	case len(r.buf) > r.off:
		return fault("a frame that was never finished")
	case r.open && !r.closed:
		return fault("a message that was never finished")
	}
	return nil
}

// parseHeader returns the header that b begins with and how many bytes it takes; 0 of
// them if b is too short for it.
func parseHeader(b []byte) (h Header, n int, err error) {
	if len(b) < 2 {
		return h, 0, nil
	}
	h = Header{Fin: b[0]&0x80 != 0, RSV: b[0] >> 4 & 7, Opcode: b[0] & 15, Masked: b[1]&0x80 != 0}
	n = 2
	switch length := b[1] & 0x7f; length {
	default:
		h.Length = int64(length)
	case 126:
		if len(b) < 4 {
			return h, 0, nil
		}
		h.Length, n = int64(binary.BigEndian.Uint16(b[2:])), 4
		if h.Length < 126 {
			return h, n, faultf("a length of %d in 16 bits, where the shortest form is due (RFC 6455 5.2)", h.Length)
		}
	case 127:
		if len(b) < 10 {
			return h, 0, nil
		}
		h.Length, n = int64(binary.BigEndian.Uint64(b[2:])), 10
		if h.Length < 0 {
			return h, n, fault("a length in 64 bits of which the first is 1 (RFC 6455 5.2)")
		}
		if h.Length < 1<<16 {
			return h, n, faultf("a length of %d in 64 bits, where the shortest form is due (RFC 6455 5.2)", h.Length)
		}
	}
	return h, n, nil
}

// allowed returns the rule that h breaks.
func (r *reader) allowed(h Header) error {
	control := h.Opcode&8 != 0
	switch {
	case h.Masked && !r.masked:
		return fault("a masked frame from the server (RFC 6455 5.1)")
	case !h.Masked && r.masked:
		return fault("a frame from the client that is not masked (RFC 6455 5.1)")
	case h.Opcode > opBinary && h.Opcode < opClose, h.Opcode > opPong:
		return faultf("a frame with the reserved opcode %d (RFC 6455 5.2)", h.Opcode)
	case h.RSV&^rsv1 != 0, h.RSV != 0 && (r.decoder == nil || control || h.Opcode == opContinuation):
		return faultf("reserved bits %03b that nothing agreed gives a meaning (RFC 6455 5.2)", h.RSV)
	case control && !h.Fin:
		return fault("a fragmented control frame (RFC 6455 5.4)")
	case control && h.Length > 125:
		return faultf("a control frame of %d bytes (RFC 6455 5.5)", h.Length)
	case h.Opcode == opContinuation && !r.open:
		return fault("a continuation frame with nothing to continue (RFC 6455 5.4)")
	case !control && h.Opcode != opContinuation && r.open:
		return fault("a new message within a fragmented one (RFC 6455 5.4)")
	}
	return nil
}

// data takes a data frame. It returns the message if that is whole.
func (r *reader) data(h Header, payload []byte) (*event, error) {
	if h.Opcode != opContinuation {
		r.open, r.opcode, r.compressed = true, h.Opcode, h.RSV&rsv1 != 0
		r.message = nil
	}
	r.message = append(r.message, payload...)
	if !h.Fin {
		return nil, nil
	}
	r.open = false
	e := &event{gotBinary, r.message}
	r.message = nil
	if r.compressed {
		var err error
		if e.payload, err = r.decoder.decode(e.payload); err != nil {
			return nil, err
		}
	}
	if r.opcode == opText {
		e.kind = gotText
		if !utf8.Valid(e.payload) {
			return nil, fault("a text message that is not UTF-8 (RFC 6455 5.6)")
		}
	}
	return e, nil
}

// parseClose returns what a Close frame's payload says: RFC 6455 5.5.1 and 7.4.
func parseClose(payload []byte) (*closing, error) {
	switch len(payload) {
	case 0:
		return &closing{}, nil
	case 1:
		return nil, fault("a Close frame with one byte, half a code (RFC 6455 5.5.1)")
	}
	c := &closing{code: binary.BigEndian.Uint16(payload), reason: string(payload[2:])}
	switch {
	case !mayBeSent(c.code):
		return nil, faultf("a Close frame with the code %d, which may not be sent (RFC 6455 7.4)", c.code)
	case !utf8.ValidString(c.reason):
		return nil, fault("a Close frame whose reason is not UTF-8 (RFC 6455 5.5.1)")
	}
	return c, nil
}

// mayBeSent reports whether a close code may stand in a Close frame: RFC 6455 7.4
// and IANA's registry, in which 1012 to 1014 were added.
func mayBeSent(code uint16) bool {
	switch {
	case code >= 1000 && code <= 1003, code >= 1007 && code <= 1014:
		return true
	}
	return code >= 3000 && code <= 4999
}
