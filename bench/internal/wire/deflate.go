package wire

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	window "github.com/klauspost/compress/flate"
)

// Offer is what browsers ask for: context takeover both ways, and windows as the server
// likes.
const Offer = "permessage-deflate; client_max_window_bits"

const extensionsField = "Sec-WebSocket-Extensions"

// Agreement is what a client must know of what a server agreed to.
type Agreement struct {
	ServerTakeover bool // the server may refer to earlier messages
	ClientBits     int  // the client's window
}

// HandshakeOffering is Handshake with an offer of permessage-deflate, which the server
// must accept.
func HandshakeOffering(rw io.ReadWriter, host, path, offer string) (a Agreement, err error) {
	request := bytes.TrimSuffix(Request(host, path), []byte("\r\n"))
	if _, err := rw.Write(fmt.Appendf(request, "%s: %s\r\n\r\n", extensionsField, offer)); err != nil {
		return a, err
	}
	response, err := readResponse(rw)
	if err != nil {
		return a, err
	}
	answer := ""
	for line := range bytes.SplitSeq(response, []byte("\r\n")) {
		if name, value, _ := bytes.Cut(line, []byte(":")); bytes.EqualFold(name, []byte(extensionsField)) {
			answer = string(bytes.TrimSpace(value))
		}
	}
	if !strings.HasPrefix(answer, "permessage-deflate") {
		return a, fmt.Errorf("the server agrees to %q", answer)
	}
	a = Agreement{ServerTakeover: !strings.Contains(answer, "server_no_context_takeover"), ClientBits: 15}
	if _, bits, bounded := strings.Cut(answer, "client_max_window_bits="); bounded {
		bits, _, _ = strings.Cut(bits, ";")
		a.ClientBits, err = strconv.Atoi(strings.TrimSpace(bits))
	}
	return a, err
}

const rsv1 = 0x40

// tail is what RFC 7692 7.2.1 takes off the end of a message.
var tail = []byte{0, 0, 0xff, 0xff}

// Deflate compresses one message by itself, as a client may whatever was agreed, with a
// window of so many bits: RFC 7692 7.2.1.
func Deflate(payload []byte, bits int) ([]byte, error) {
	var out bytes.Buffer
	w, err := window.NewWriterWindow(&out, 1<<bits)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(payload); err != nil {
		return nil, err
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), tail), nil
}

// AppendDeflated appends a masked frame whose payload is a whole message, compressed.
func AppendDeflated(dst []byte, opcode byte, maskingKey [4]byte, compressed []byte) []byte {
	return AppendFrame(dst, true, opcode|rsv1, maskingKey, compressed)
}

// An Inflater undoes what servers send. One serves any number of connections; it is for
// one goroutine at a time.
type Inflater struct {
	in     bytes.Reader
	reader io.ReadCloser
	out    []byte
}

// end is the tail of a message, and an empty block that is the last of all.
var end = []byte{0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff}

// inflate gives a message behind what came before it; valid until the next call.
func (i *Inflater) inflate(message, history []byte, most int) ([]byte, error) {
	i.in.Reset(message)
	if i.reader == nil {
		i.reader = flate.NewReaderDict(&i.in, history)
	} else if err := i.reader.(flate.Resetter).Reset(&i.in, history); err != nil {
		return nil, err
	}
	i.out = slices.Grow(i.out[:0], most+1)
	n, err := io.ReadFull(i.reader, i.out[:most+1])
	i.out = i.out[:n]
	if err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, fmt.Errorf("a message that does not inflate to what was sent: %d bytes, %w", n, err)
	}
	return i.out, nil
}

// historySize is the largest window.
const historySize = 32 << 10

// DeflatedEcho is [Echo] for a connection with permessage-deflate: what comes may be
// compressed, with the context of earlier messages or without.
type DeflatedEcho struct {
	// Inflater may be shared with other connections. Nil: whatever comes as one message
	// is taken for the echo, for clients that must not allocate.
	Inflater *Inflater
	// Takeover tells that the server may refer to earlier messages.
	Takeover bool

	opcode     byte
	want       []byte
	in         []byte // what has come of the message, frames and all
	message    []byte // payload of the frames that are whole
	compressed bool
	begun      bool
	history    []byte
}

// Expect begins a new message. payload must stay as it is until the echo is complete.
func (e *DeflatedEcho) Expect(opcode byte, payload []byte) {
	e.opcode, e.want = opcode, payload
	e.in, e.message, e.begun = e.in[:0], e.message[:0], false
}

// Feed takes the next bytes from the server, cut anywhere, and tells whether the echo is
// complete. Bytes that differ from the message, or follow it, are an error.
func (e *DeflatedEcho) Feed(b []byte) (done bool, err error) {
	e.in = append(e.in, b...)
	for at := 0; ; {
		first, payload, n, err := cutFrame(e.in[at:])
		if err != nil {
			return false, err
		}
		if n == 0 {
			e.in = e.in[:copy(e.in, e.in[at:])]
			return false, nil
		}
		at += n
		if err := e.take(first, payload); err != nil {
			return false, err
		}
		if first&fin == 0 {
			continue
		}
		if at < len(e.in) {
			return false, fmt.Errorf("%d bytes follow the echo", len(e.in)-at)
		}
		return true, e.check()
	}
}

// take adds one frame to the message.
func (e *DeflatedEcho) take(first byte, payload []byte) error {
	want := byte(Continuation)
	if !e.begun {
		e.begun, e.compressed = true, first&rsv1 != 0
		want, first = e.opcode, first&^rsv1
	}
	if first&^fin != want {
		return fmt.Errorf("first byte of a frame is %#x, want opcode %#x", first, want)
	}
	e.message = append(e.message, payload...)
	return nil
}

// check compares the message that is complete with the one that was sent.
func (e *DeflatedEcho) check() error {
	got := e.message
	if e.Inflater == nil {
		return nil
	}
	if e.compressed {
		var err error
		if got, err = e.Inflater.inflate(append(e.message, end...), e.history, len(e.want)); err != nil {
			return err
		}
	}
	if !bytes.Equal(got, e.want) {
		return errors.New("the echo differs from the message")
	}
	if e.Takeover && e.compressed {
		e.history = append(e.history, got...)
		e.history = e.history[:copy(e.history, e.history[max(0, len(e.history)-historySize):])]
	}
	return nil
}

// cutFrame takes a server's frame off b: its first byte, its payload, and how many bytes
// it takes, 0 if it is not whole.
func cutFrame(b []byte) (first byte, payload []byte, n int, err error) {
	if len(b) < 2 {
		return 0, nil, 0, nil
	}
	header, length := 2, uint64(b[1])
	switch {
	case length > 127:
		return 0, nil, 0, errors.New("the server masks")
	case length == 126 && len(b) >= 4:
		header, length = 4, uint64(binary.BigEndian.Uint16(b[2:]))
	case length == 127 && len(b) >= 10:
		header, length = 10, binary.BigEndian.Uint64(b[2:])
	case length > 125:
		return 0, nil, 0, nil
	}
	if uint64(len(b)-header) < length {
		return 0, nil, 0, nil
	}
	n = header + int(length)
	return b[0], b[header:n], n, nil
}
