package session

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"github.com/framerail/framerail/frame"
)

func TestPanicIsLoggedWithItsStack(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		var log lines
		r := openRig(t, Config{Dispatch: dispatch, Logger: slog.New(slog.NewTextHandler(&log, nil)),
			Handlers: Handlers{Message: func(*Conn, Message) { panic("boom") }}})
		r.receive(text("x"))
		r.eventually("the Close frame", func() bool { return r.wire.output() != "" })
		for _, part := range []string{"boom", "TestPanicIsLoggedWithItsStack", peerAddr.String()} {
			if !strings.Contains(log.String(), part) {
				t.Errorf("log lacks %q: %s", part, log.String())
			}
		}
	})
}

// What follows the message of a callback that panicked is not made sense of, and
// the connection's other goroutines find it closing.
func TestNothingIsDeliveredAfterAPanic(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		n := 0
		r := openRig(t, Config{Dispatch: dispatch, Handlers: Handlers{Message: func(*Conn, Message) { n++; panic("boom") }}})
		r.wire.in = append(text("1"), text("2")...)
		r.wire.in = append(r.wire.in, peerClose(frame.GoingAway, "")...)
		r.end(io.EOF)
		info := r.info()
		if !errors.Is(info.Err, ErrPanic) || info.Sent != frame.InternalError {
			t.Errorf("close callback got %v", info)
		}
		expect(t, "messages", n, 1)
		all := r.sent()
		expect(t, "frames", len(all), 1)
	})
}

// Nor is what the same turn reads after it taken for the start of a frame.
func TestWhatIsReadAfterAPanicIsDropped(t *testing.T) {
	var log lines
	r := openRig(t, Config{Logger: slog.New(slog.NewTextHandler(&log, nil)), Handlers: Handlers{Message: func(*Conn, Message) { panic("boom") }}})
	r.loop.readBuf = make([]byte, 10)
	r.receive(append(text("1"), text("after the panic")...))
	r.expectClose(frame.InternalError, "")
	if strings.Contains(log.String(), "failed") {
		t.Errorf("taken for a fault of the peer's: %s", log.String())
	}
}

// testing's FailNow ends a callback's goroutine: the connection must not hang.
func TestGoexitClosesWith1011(t *testing.T) {
	exit := func() { runtime.Goexit() }
	for name, h := range map[string]Handlers{
		"open":    {Open: func(*Conn) { exit() }},
		"message": {Message: func(*Conn, Message) { exit() }},
		"stream":  {Stream: func(*Conn, *Reader) { exit() }},
		"ping":    {Ping: func(*Conn, []byte) { exit() }},
		"pong":    {Pong: func(*Conn, []byte) { exit() }},
		"inside":  {Stream: func(_ *Conn, m *Reader) { _, _ = m.ReadAll() }, Ping: func(*Conn, []byte) { exit() }},
		"close":   {Close: func(*Conn, CloseInfo) { exit() }},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, Config{Dispatch: OnGoroutines, Handlers: h})
			r.d.Open(Opening{})
			in := peer(frame.Pong, true, "x")
			in = append(in, peer(frame.Binary, false, "x")...)
			in = append(in, peer(frame.Ping, true, "x")...)
			in = append(in, peer(frame.Continuation, true, "x")...)
			r.receive(in)
			if name == "close" {
				r.receive(peerClose(frame.NormalClosure, ""))
				r.info()
				return
			}
			r.eventually("half-close", func() bool { return r.wire.halfDone })
			r.end(io.EOF)
			if info := r.info(); !errors.Is(info.Err, ErrPanic) || info.Sent != frame.InternalError {
				t.Errorf("close callback got %v", info)
			}
		})
	}
}

// On the loop the goroutine is the loop's own, which the host may replace: the
// connection has asked for it.
func TestGoexitOnTheLoopFailsTheConnection(t *testing.T) {
	r := openRig(t, Config{Handlers: Handlers{Message: func(*Conn, Message) { runtime.Goexit() }}})
	r.onAGoroutine(func() { r.receive(text("x")) })
	r.turn()
	r.expectClose(frame.InternalError, "")
	r.end(io.EOF)
	r.info()
}

// The two callbacks that the parser runs by itself are no exception, and one end of a
// goroutine is one panic.
func TestGoexitOnTheLoopIsCountedOnce(t *testing.T) {
	for name, h := range map[string]Handlers{
		"message": {Message: func(*Conn, Message) { runtime.Goexit() }},
		"ping":    {Ping: func(*Conn, []byte) { runtime.Goexit() }},
		"pong":    {Pong: func(*Conn, []byte) { runtime.Goexit() }},
	} {
		t.Run(name, func(t *testing.T) {
			r := openRig(t, Config{Handlers: h})
			in := map[string][]byte{"message": text("x"), "ping": peer(frame.Ping, true, "x"), "pong": peer(frame.Pong, true, "x")}[name]
			r.onAGoroutine(func() { r.receive(in) })
			r.turn()
			r.expectClose(frame.InternalError, "")
			expect(t, "panics", r.counters().Panics, 1)
		})
	}
}

// onAGoroutine runs f, which may end its goroutine, to its end.
func (r *rig) onAGoroutine(f func()) {
	ended := make(chan bool)
	go func() {
		defer close(ended)
		r.loop.Take()
		f()
	}()
	<-ended
	r.loop.Take()
}

// What the Open callback is lent is the next connection's once it has ended, however
// that was.
func TestGoexitInOpenLeavesNothingOfTheNextConnection(t *testing.T) {
	asked := false
	r := newRig(t, Config{
		Request:  func(head []byte, _ netip.AddrPort) *http.Request { return &http.Request{RequestURI: string(head)} },
		Handlers: Handlers{Open: func(*Conn) { runtime.Goexit() }},
	})
	r.onAGoroutine(func() { r.d.Open(Opening{Subprotocol: "first", Head: []byte("GET /first")}) })
	var next Driver
	next.Init(r.loop, r.policy, 8, &wire{room: -1}, peerAddr)
	next.handle(func(h *Handlers) {
		h.Open = func(*Conn) {
			asked = true
			expect(t, "the first one's subprotocol", r.c.Subprotocol(), "first")
			if req, ok := r.c.Request(); ok {
				t.Errorf("the first one's request is %v", req.RequestURI)
			}
		}
		h.Close = nil
	})
	next.Open(Opening{Subprotocol: "next", Head: []byte("GET /next")})
	expect(t, "asked", asked, true)
}
