package session

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/frame/deflate"
)

// FuzzConnection gives whole connections any bytes, at once and cut as cuts says,
// with callbacks on the loop that echo: what the callbacks are told and how it ends
// is what frame makes of the same bytes, what is sent are the echoes and pongs, and
// all that was lent comes back.
func FuzzConnection(f *testing.F) {
	for _, in := range sessions() {
		f.Add(in, []byte{6})
		f.Add(in, []byte{0, 40})
	}
	p := newPlayer(OnLoop, false)
	f.Fuzz(func(t *testing.T, in []byte, cuts []byte) {
		want := expected(in, false)
		checkPlay(t, "whole", p.play(t, in, nil), want)
		checkPlay(t, "byte by byte", p.play(t, in, []byte{0}), want)
		checkPlay(t, "cut", p.play(t, in, cuts), want)
	})
}

// FuzzDispatch does the same with callbacks on goroutines, and with messages that
// are read as streams.
func FuzzDispatch(f *testing.F) {
	for _, in := range sessions() {
		f.Add(in, []byte{6}, uint8(0))
		f.Add(in, []byte{0, 40}, uint8(1))
		f.Add(in, []byte{200}, uint8(2))
		f.Add(in, []byte{6}, uint8(3))
	}
	players := []*player{newPlayer(OnGoroutines, false), newPlayer(OnGoroutines, true), newPlayer(OnLoop, true), newPlayer(Adaptive, false)}
	f.Fuzz(func(t *testing.T, in []byte, cuts []byte, mode uint8) {
		p := players[int(mode)%len(players)]
		got, want := p.play(t, in, cuts), expected(in, p.stream)
		if p.stream || want.err != nil {
			// The callback does not echo, or the fault may overtake its answers.
			got.sent, want.sent = "", ""
		}
		checkPlay(t, "cut", got, want)
	})
}

// Small enough for inputs to pass them.
var fuzzLimits = frame.Limits{MaxMessageSize: 500, MaxFragments: 10}

// played is what came of a connection: what the callbacks were told, what was sent,
// and how it ended.
type played struct {
	delivered string
	sent      string
	err       error // the peer's fault, or nil
	code      frame.CloseCode
}

// expected is what a connection must come to, by package frame alone. In a stream
// callback controls have no place of their own, nor has a message that is cut.
func expected(in []byte, stream bool) (want played) {
	var d frame.Decoder
	d.Reset(frame.Server, fuzzLimits)
	var a frame.Assembler
	var delivered, sent strings.Builder
	in = bytes.Clone(in)
	want.code = frame.AbnormalClosure
	for len(in) > 0 && want.err == nil && want.code == frame.AbnormalClosure {
		ev, n, err := d.Next(in)
		if err != nil {
			want.err = err
			break
		}
		in = in[n:]
		msg, complete := a.Add(ev)
		switch {
		case !complete:
		case msg.Opcode == frame.Close:
			want.code, _, want.err = frame.ParseClose(msg.Payload)
		case !stream || !msg.Opcode.IsControl():
			fmt.Fprintf(&delivered, "%v %x\n", msg.Opcode, msg.Payload)
			if msg.Opcode != frame.Pong {
				op := msg.Opcode
				if op == frame.Ping {
					op = frame.Pong
				}
				sent.Write(frame.AppendFrame(nil, frame.Header{Fin: true, Opcode: op}, msg.Payload))
			}
		}
	}
	if want.err != nil {
		want.code = frame.AbnormalClosure
	}
	want.delivered, want.sent = delivered.String(), sent.String()
	return want
}

func checkPlay(t *testing.T, how string, got, want played) {
	t.Helper()
	if got.delivered != want.delivered || got.err != want.err || got.code != want.code {
		t.Fatalf("%s: told\n%s%v, %v\nwant\n%s%v, %v", how, got.delivered, got.code, got.err, want.delivered, want.code, want.err)
	}
	if got.sent != want.sent {
		t.Fatalf("%s: sent %x\nwant %x", how, got.sent, want.sent)
	}
}

// player plays connections, one after the other, on one loop without a socket.
type player struct {
	loop      *Loop
	policy    *Policy
	stream    bool
	deflate   *deflate.Params
	scheduled chan struct{}
	ended     chan struct{}
	wire      *wire
	read      bool
	closed    int
	delivered strings.Builder
	info      CloseInfo
}

func newPlayer(dispatch Dispatch, stream bool) *player {
	p := &player{stream: stream, scheduled: make(chan struct{}, 16), ended: make(chan struct{}, 16)}
	cfg := Config{
		Dispatch: dispatch, Logger: slog.New(slog.DiscardHandler),
		MaxMessageSize: fuzzLimits.MaxMessageSize, MaxFragments: fuzzLimits.MaxFragments,
		MessagesPerSecond: -1, ControlFramesPerSecond: -1,
		QueueMessages: 3, QueueBytes: 300,
		Deflate: Deflate{Threshold: 1 << 20}, // answers go plain
	}
	cfg.Handlers.Close = func(_ *Conn, info CloseInfo) { p.info = info }
	if stream {
		cfg.Handlers.Stream = p.readStream
	} else {
		cfg.Handlers.Ping = func(c *Conn, b []byte) { p.tell(frame.Ping, b); _ = c.Pong(b) }
		cfg.Handlers.Pong = func(_ *Conn, b []byte) { p.tell(frame.Pong, b) }
		cfg.Handlers.Message = func(c *Conn, m Message) {
			p.tell(frame.Opcode(m.Type), m.Payload)
			_ = c.Send(m.Type, m.Payload)
		}
	}
	cfg = cfg.WithDefaults()
	p.loop, p.policy = NewLoop(p), NewPolicy(&cfg)
	p.loop.Take()
	return p
}

func (p *player) tell(op frame.Opcode, payload []byte) {
	fmt.Fprintf(&p.delivered, "%v %x\n", op, payload)
}

// readStream notes the messages that come to their end.
func (p *player) readStream(_ *Conn, m *Reader) {
	op := frame.Opcode(m.Type())
	if b, err := m.ReadAll(); err == nil {
		p.tell(op, b)
	}
}

func (p *player) Schedule(*Conn)                        { p.scheduled <- struct{}{} }
func (p *player) SetInterest(_ *Driver, read, _ bool)   { p.read = read }
func (p *player) SetTimer(_ *Conn, after time.Duration) {}
func (p *player) Limited(*Driver)                       {}
func (p *player) Opened(*Conn)                          {}
func (p *player) Closed(*Driver)                        { p.closed++ }
func (p *player) Ended(*Conn)                           { p.ended <- struct{}{} }

// play plays a connection to its end. Each byte of cuts is the length of a piece of
// in, less one, over and over; none: one piece.
func (p *player) play(t *testing.T, in []byte, cuts []byte) (got played) {
	p.loop.Take() // each input has a goroutine of its own
	p.wire = &wire{room: -1}
	p.read, p.closed = true, 0
	p.delivered.Reset()
	p.info = CloseInfo{}
	d := new(Driver)
	c := &d.Conn
	d.Init(p.loop, p.policy, 7, p.wire, peerAddr)
	d.Open(Opening{Deflate: p.deflate})

	in = bytes.Clone(in)
	for piece := 0; len(in) > 0; piece++ {
		n := len(in)
		if len(cuts) > 0 {
			n = min(n, 1+int(cuts[piece%len(cuts)]))
		}
		p.wire.in = append(p.wire.in, in[:n]...)
		in = in[n:]
		p.turn(d)
	}
	p.wire.inErr = io.EOF
	p.turn(d)
	timeout := time.NewTimer(time.Minute)
	defer timeout.Stop()
	for over := false; !over; {
		select {
		case <-p.ended:
			over = true
		case <-p.scheduled:
			d.Attend()
			p.turn(d)
		case <-timeout.C:
			t.Fatalf("does not come to its end: %v, closed %d, told\n%s", c.State(), p.closed, p.delivered.String())
		}
	}
	p.turn(d)
	if p.closed != 1 || len(p.ended) > 0 || c.State() != Closed {
		t.Fatalf("closed %d times, ended %d times more, %v", p.closed, len(p.ended), c.State())
	}
	for range 30_000 { // what runs the callbacks gives back behind the last of them
		if n, _ := p.loop.Lent(); n == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if n, size := p.loop.Lent(); n != 0 {
		t.Fatalf("%d buffers of %d bytes still lent", n, size)
	}

	got.delivered, got.code = p.delivered.String(), p.info.Received
	if fault := new(frame.Error); errors.As(p.info.Err, &fault) {
		got.err = fault
	}
	got.sent = p.answers(t)
	return got
}

// turn attends to the connection and reports readiness until there is no more to do.
func (p *player) turn(d *Driver) {
	for {
		select {
		case <-p.scheduled:
			d.Attend()
			continue
		default:
		}
		if !p.read || p.closed > 0 || len(p.wire.in) == 0 && p.wire.inErr == nil {
			return
		}
		d.Readable()
	}
}

// answers is what was sent but for the Close frame, which nothing may follow.
func (p *player) answers(t *testing.T) string {
	out := p.wire.out.Bytes()
	for at := 0; at < len(out); {
		h, n, err := frame.DecodeHeader(out[at:])
		if err != nil || n == 0 || h.Masked || at+n+int(h.PayloadLen) > len(out) {
			t.Fatalf("sent bytes that are no frames: %x (%v)", out[at:], err)
		}
		end := at + n + int(h.PayloadLen)
		if h.Opcode == frame.Close {
			if end < len(out) {
				t.Fatalf("sent behind the Close frame: %x", out[end:])
			}
			return string(out[:at])
		}
		at = end
	}
	return string(out)
}
