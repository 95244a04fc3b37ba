package session

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/framerail/framerail/frame"
)

func echo(c *Conn, m Message) {
	if err := c.Send(m.Type, m.Payload); err != nil {
		panic(err)
	}
}

func TestEcho(t *testing.T) {
	r := openRig(t, Config{Handlers: Handlers{Message: echo}})
	r.receive(text("hello"))
	r.receive(peer(frame.Binary, true, "\x00\x01"))
	got := r.sent()
	if len(got) != 2 || got[0] != (sentFrame{Text, true, "hello"}) || got[1] != (sentFrame{Binary, true, "\x00\x01"}) {
		t.Errorf("echoed %v", got)
	}
}

func TestFramesOfOneTurnLeaveInOneWrite(t *testing.T) {
	r := openRig(t, Config{Handlers: Handlers{Message: echo}})
	var in []byte
	for range 10 {
		in = append(in, text("hello")...)
	}
	r.receive(in)
	expect(t, "writes", r.wire.writes, 1)
	expect(t, "frames", len(r.sent()), 10)
}

func TestFragmentsAreJoinedAndControlsPassBetween(t *testing.T) {
	r := openRig(t, Config{Handlers: Handlers{Message: echo}})
	r.receive(peer(frame.Text, false, "hel"))
	r.receive(peer(frame.Ping, true, "p"))
	r.receive(peer(frame.Continuation, true, "lo"))
	got := r.sent()
	if len(got) != 2 || got[0] != (sentFrame{frame.Pong, true, "p"}) || got[1] != (sentFrame{Text, true, "hello"}) {
		t.Errorf("sent %v", got)
	}
}

func TestOpenRunsBeforeBytesBehindTheRequest(t *testing.T) {
	for _, dispatch := range []Dispatch{OnLoop, OnGoroutines, Adaptive} {
		order := make(chan string, 10)
		r := newRig(t, Config{Dispatch: dispatch, Handlers: Handlers{
			Open: func(c *Conn) {
				order <- "open"
				c.OnMessage(func(_ *Conn, m Message) { order <- m.String() })
			},
		}})
		r.d.Open(Opening{Response: []byte("101"), Rest: text("first")})
		r.receive(text("second"))
		r.eventually("three events", func() bool { return len(order) == 3 })
		for _, want := range []string{"open", "first", "second"} {
			expect(t, "event", <-order, want)
		}
		expect(t, "response", r.wire.out.String(), "101")
	}
}

func TestLargeMessageCutAnywhere(t *testing.T) {
	want := strings.Repeat("0123456789", 50_000)
	for _, chunk := range []int{1000, 4096, 60_000, 0} {
		r := openRig(t, Config{MaxMessageSize: 1 << 20, MaxPending: 2 << 20, Handlers: Handlers{Message: echo}})
		r.wire.chunk = chunk
		r.wire.in = text(want)
		for len(r.wire.in) > 0 {
			r.d.Readable()
		}
		got := r.sent()
		if len(got) != 1 || got[0].payload != want {
			t.Errorf("chunk %d: message altered", chunk)
		}
	}
}

func TestIdleConnectionHoldsNothing(t *testing.T) {
	r := openRig(t, Config{MaxMessageSize: 1 << 20, Handlers: Handlers{Message: echo}})
	r.receive(text(strings.Repeat("x", 200_000)))
	r.receive(peer(frame.Text, false, "a"))
	if n, _ := r.loop.Lent(); n == 0 {
		t.Error("nothing lent in the middle of a message")
	}
	r.receive(peer(frame.Continuation, true, "b"))
	if n, bytes := r.loop.Lent(); n != 0 || bytes != 0 {
		t.Errorf("%d buffers (%d bytes) lent to an idle connection", n, bytes)
	}
	if r.d.rx != nil || r.c.tx != nil || r.c.in != nil {
		t.Error("idle connection holds state")
	}
}

func TestProtocolErrorClosesWithItsCode(t *testing.T) {
	for name, c := range map[string]struct {
		in   []byte
		code frame.CloseCode
		err  error
	}{
		"unmasked":     {[]byte{0x81, 0x01, 'a'}, frame.ProtocolError, errUnmasked},
		"bad_utf8":     {text("a\xff"), frame.InvalidFramePayloadData, frame.ErrInvalidUTF8},
		"too_big":      {text(strings.Repeat("x", 101)), frame.MessageTooBig, frame.ErrMessageTooBig},
		"reserved_bit": {[]byte{0xC1, 0x80, 0, 0, 0, 0}, frame.ProtocolError, errReservedBits},
		"close_code":   {peer(frame.Close, true, "\x03\xed"), frame.ProtocolError, errCloseCode},
	} {
		t.Run(name, func(t *testing.T) {
			var info CloseInfo
			r := openRig(t, Config{MaxMessageSize: 100, Handlers: Handlers{
				Close: func(_ *Conn, i CloseInfo) { info = i },
			}})
			r.receive(c.in)
			got := r.sent()
			if len(got) != 1 || got[0].op != frame.Close {
				t.Fatalf("sent %v", got)
			}
			code, _ := got[0].closing()
			expect(t, "code", code, c.code)
			expect(t, "half-closed", r.wire.halfDone, true)
			expect(t, "closed at once", r.wire.closed, false)

			r.receive(text("ignored")) // read and dropped, so that the Close is not lost to a reset
			expect(t, "bytes left", len(r.wire.in), 0)
			r.wire.inErr = io.EOF
			r.d.Readable()
			expect(t, "closed after the peer's end", r.wire.closed, true)
			if !errors.Is(info.Err, c.err) || info.By != Local || info.Sent != c.code || info.Received != frame.AbnormalClosure {
				t.Errorf("close callback got %v", info)
			}
		})
	}
}

func TestPanicClosesWith1011(t *testing.T) {
	boom := func(*Conn) { panic("boom") }
	for name, h := range map[string]Handlers{
		"open":    {Open: boom},
		"message": {Message: func(c *Conn, _ Message) { boom(c) }},
		"stream":  {Stream: func(c *Conn, _ *Reader) { boom(c) }},
		"ping":    {Ping: func(c *Conn, _ []byte) { boom(c) }},
		"pong":    {Pong: func(c *Conn, _ []byte) { boom(c) }},
		"close":   {Close: func(c *Conn, _ CloseInfo) { boom(c) }},
	} {
		for _, dispatch := range []Dispatch{OnLoop, OnGoroutines, Adaptive} {
			t.Run(fmt.Sprintf("%s/dispatch=%d", name, dispatch), func(t *testing.T) {
				infos, h := make(chan CloseInfo, 2), h
				if h.Close == nil {
					h.Close = func(_ *Conn, i CloseInfo) { infos <- i }
				}
				r := newRig(t, Config{Dispatch: dispatch, Handlers: h})
				r.d.Open(Opening{})
				r.receive(peer(frame.Ping, true, "x"))
				r.receive(peer(frame.Pong, true, "x"))
				r.receive(text("x"))
				if name == "close" {
					r.receive(peerClose(frame.NormalClosure, ""))
					r.eventually("the end", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.ended == 1 })
					return
				}
				r.eventually("half-close", func() bool { return r.wire.halfDone })
				all := r.sent()
				code, _ := all[len(all)-1].closing()
				expect(t, "code", code, frame.InternalError)
				r.wire.inErr = io.EOF
				r.eventually("the close callback", func() bool { return len(infos) == 1 })
				info := <-infos
				if !errors.Is(info.Err, ErrPanic) || info.Sent != frame.InternalError {
					t.Errorf("close callback got %v", info)
				}
			})
		}
	}
}

func TestValueAndAddresses(t *testing.T) {
	r := openRig(t, Config{})
	expect(t, "value", r.c.Value(), nil)
	r.c.SetValue("v")
	expect(t, "value", r.c.Value(), any("v"))
	expect(t, "remote", r.c.RemoteAddr(), peerAddr)
	expect(t, "local", r.c.LocalAddr().String(), "127.0.0.1:80")
	r.d.Abort(nil)
	expect(t, "local after close", r.c.LocalAddr().IsValid(), false)
	expect(t, "remote after close", r.c.RemoteAddr(), peerAddr)
	expect(t, "state", r.c.State(), Closed)
}
