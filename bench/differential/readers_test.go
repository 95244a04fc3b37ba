package differential

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	coder "github.com/coder/websocket"
	"github.com/framerail/framerail/frame"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	gorilla "github.com/gorilla/websocket"
)

// maxMessage is the limit of a message for each reader, in bytes. The inputs are
// shorter: only a length that is claimed can be over it.
const maxMessage = 1 << 20

// end is how a reader's work ended.
type end string

const (
	cut     end = "cut"     // the bytes ended; the reader would have taken more
	closed  end = "closed"  // by a Close frame that the reader takes
	refused end = "refused" // for a fault
)

// outcome is what a reader made of some bytes.
type outcome struct {
	items []string // messages and control frames, in the order of their ends
	end   end
	why   error           // of a refusal
	code  frame.CloseCode // of the Close frame that the reader sent on a refusal; 0: none
}

func (o *outcome) message(op frame.Opcode, payload []byte) {
	o.items = append(o.items, fmt.Sprintf("%v %x", op, payload))
}

func (o *outcome) closing(code int, reason string) {
	o.items = append(o.items, fmt.Sprintf("Close %d %q", code, reason))
	o.end = closed
}

// fail notes an error of a reader that is not a Close frame.
func (o *outcome) fail(err error, sent []byte) {
	o.end, o.why = refused, err
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		o.end = cut
		return
	}
	// An unmasked Close frame of the server is the last thing sent.
	for len(sent) > 0 {
		h, n, err := frame.DecodeHeader(sent)
		if err != nil || n == 0 || int(h.PayloadLen) > len(sent)-n {
			return
		}
		if h.Opcode == frame.Close && h.PayloadLen >= 2 {
			o.code = frame.CloseCode(binary.BigEndian.Uint16(sent[n:]))
		}
		sent = sent[n+int(h.PayloadLen):]
	}
}

// readers are the peers, each on its own way from bytes to messages.
var readers = map[string]func(in []byte) outcome{
	"gorilla": readGorilla,
	"coder":   readCoder,
	"gobwas":  readGobwas,
}

// readFramerail decodes as a connection does.
func readFramerail(in []byte) (o outcome) {
	var d frame.Decoder
	d.Reset(frame.Server, frame.Limits{MaxMessageSize: maxMessage})
	var a frame.Assembler
	in = bytes.Clone(in)
	for len(in) > 0 {
		ev, n, err := d.Next(in)
		if err == nil && ev.Opcode == frame.Close {
			var code frame.CloseCode
			var reason []byte
			if code, reason, err = frame.ParseClose(ev.Payload); err == nil {
				o.closing(int(code), string(reason))
				return o
			}
		}
		if err != nil {
			fault := err.(*frame.Error)
			o.end, o.why, o.code = refused, fault, fault.Code
			return o
		}
		in = in[n:]
		if msg, complete := a.Add(ev); complete {
			o.message(msg.Opcode, msg.Payload)
		}
	}
	o.end = cut
	return o
}

func readGorilla(in []byte) (o outcome) {
	w := &stream{Reader: bytes.NewReader(in)}
	upgrader := gorilla.Upgrader{ReadBufferSize: 1024, WriteBufferSize: 1024}
	c, err := upgrader.Upgrade(w, handshake(), nil)
	if err != nil {
		panic(err)
	}
	w.sent.Reset()
	c.SetReadLimit(maxMessage)
	note := func(op frame.Opcode) func(string) error {
		return func(payload string) error { o.message(op, []byte(payload)); return nil }
	}
	c.SetPingHandler(note(frame.Ping))
	c.SetPongHandler(note(frame.Pong))
	c.SetCloseHandler(func(code int, reason string) error { o.closing(code, reason); return nil })
	for {
		kind, payload, err := c.ReadMessage()
		if err != nil {
			var cut *gorilla.CloseError
			switch {
			case o.end == closed:
			case errors.As(err, &cut) && cut.Code == gorilla.CloseAbnormalClosure:
				o.fail(io.ErrUnexpectedEOF, nil)
			default:
				o.fail(err, w.sent.Bytes())
			}
			return o
		}
		o.message(frame.Opcode(kind), payload)
	}
}

func readCoder(in []byte) (o outcome) {
	w := &stream{Reader: bytes.NewReader(in)}
	note := func(op frame.Opcode, payload []byte) bool { o.message(op, payload); return false }
	c, err := coder.Accept(w, handshake(), &coder.AcceptOptions{
		OnPingReceived: func(_ context.Context, payload []byte) bool { return note(frame.Ping, payload) },
		OnPongReceived: func(_ context.Context, payload []byte) { note(frame.Pong, payload) },
	})
	if err != nil {
		panic(err)
	}
	defer c.CloseNow()
	w.sent.Reset()
	c.SetReadLimit(maxMessage)
	for {
		kind, payload, err := c.Read(context.Background())
		if err != nil {
			var info coder.CloseError
			if errors.As(err, &info) {
				o.closing(int(info.Code), info.Reason)
			} else {
				o.fail(err, w.sent.Bytes())
			}
			return o
		}
		o.message(frame.Opcode(kind), payload)
	}
}

func readGobwas(in []byte) (o outcome) {
	state := ws.StateServerSide
	r := wsutil.Reader{Source: bytes.NewReader(in), State: state, CheckUTF8: true, MaxMessageSize: maxMessage}
	var sent bytes.Buffer
	control := func(h ws.Header, body io.Reader) error {
		payload := make([]byte, h.Length)
		if _, err := io.ReadFull(body, payload); err != nil {
			return io.ErrUnexpectedEOF // io.EOF would say that the message ends here
		}
		handler := wsutil.ControlHandler{Src: bytes.NewReader(payload), Dst: &sent, State: state, DisableSrcCiphering: true}
		if err := handler.Handle(h); err != nil {
			return err
		}
		o.message(frame.Opcode(h.OpCode), payload)
		return nil
	}
	r.OnIntermediate = control
	for {
		h, err := r.NextFrame()
		switch {
		case err != nil:
		case h.OpCode.IsControl():
			if err = control(h, &r); err == nil {
				err = r.Discard()
			}
		default:
			var payload []byte
			if payload, err = io.ReadAll(&r); err == nil {
				o.message(frame.Opcode(h.OpCode), payload)
			}
		}
		var info wsutil.ClosedError
		if errors.As(err, &info) {
			o.closing(int(info.Code), info.Reason)
			return o
		}
		if err != nil {
			o.fail(err, sent.Bytes())
			return o
		}
	}
}

// handshake is a request that each of them upgrades.
func handshake() *http.Request {
	return &http.Request{Method: "GET", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Host: "example.com", Header: http.Header{
		"Upgrade": {"websocket"}, "Connection": {"Upgrade"},
		"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
	}}
}

// stream is a connection whose peer's bytes are all there, and the answer to the
// handshake on it.
type stream struct {
	*bytes.Reader
	sent bytes.Buffer
}

func (s *stream) Header() http.Header         { return http.Header{} }
func (s *stream) WriteHeader(int)             {}
func (s *stream) Write(b []byte) (int, error) { return s.sent.Write(b) }
func (s *stream) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return s, bufio.NewReadWriter(bufio.NewReaderSize(s, 512), bufio.NewWriterSize(s, 512)), nil
}
func (s *stream) WriteTo(w io.Writer) (int64, error) { return s.Reader.WriteTo(w) }
func (s *stream) Close() error                       { return nil }
func (s *stream) LocalAddr() net.Addr                { return &net.TCPAddr{} }
func (s *stream) RemoteAddr() net.Addr               { return &net.TCPAddr{} }
func (s *stream) SetDeadline(time.Time) error        { return nil }
func (s *stream) SetReadDeadline(time.Time) error    { return nil }
func (s *stream) SetWriteDeadline(time.Time) error   { return nil }
