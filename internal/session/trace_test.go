package session

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/framerail/framerail/frame"
)

// sessions are whole conversations of a peer, each with the end of its stream.
func sessions() map[string][]byte {
	talk := peer(frame.Text, true, "größer")
	talk = append(talk, peer(frame.Ping, true, "ping")...)
	talk = append(talk, peer(frame.Binary, false, "")...)
	talk = append(talk, peer(frame.Pong, true, "")...)
	talk = append(talk, peer(frame.Continuation, false, "")...)
	talk = append(talk, peer(frame.Continuation, false, strings.Repeat("b", 130))...)
	talk = append(talk, peer(frame.Ping, true, "")...)
	talk = append(talk, peer(frame.Continuation, true, "")...)
	talk = append(talk, peer(frame.Text, false, "\xe2\x82")...)
	talk = append(talk, peer(frame.Continuation, true, "\xac")...)
	talk = append(talk, peer(frame.Text, true, "")...)
	with := func(tail ...byte) []byte { return append(slices.Clone(talk), tail...) }
	return map[string][]byte{
		"closed":        with(peerClose(frame.GoingAway, "bye")...),
		"closed twice":  with(append(peerClose(4000, ""), peerClose(4001, "")...)...),
		"cut":           with(peer(frame.Text, false, "unfinished")...),
		"bad text":      with(peer(frame.Text, true, "good\xffbad")...),
		"bad fragments": with(append(peer(frame.Text, false, "good\xe2"), peer(frame.Continuation, true, "bad")...)...),
		"reserved":      with(0x83, 0x80, 1, 2, 3, 4),
		"unmasked":      with(0x81, 0x01, 'x'),
		"too big":       with(0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4),
		"close code":    with(peer(frame.Close, true, "\x03\xee")...),
	}
}

// trace plays a session, read in parts of the given sizes, and is what the
// callbacks were told and, on the loop, what was sent.
func trace(t *testing.T, cfg Config, in []byte, next func() int) string {
	var mu sync.Mutex
	var b strings.Builder
	note := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(&b, format+"\n", args...)
	}
	cfg.Handlers.Open = func(*Conn) { note("open") }
	cfg.Handlers.Ping = func(c *Conn, p []byte) { note("ping %q", p); _ = c.Pong(p) }
	cfg.Handlers.Pong = func(_ *Conn, p []byte) { note("pong %q", p) }
	cfg.Handlers.Close = func(_ *Conn, i CloseInfo) { note("close %v", i) }
	if cfg.Handlers.Stream == nil {
		cfg.Handlers.Message = func(c *Conn, m Message) { note("%v %q", m.Type, m.Payload); _ = c.Send(m.Type, m.Payload) }
	} else {
		// Where controls stand between the pieces is open: the reader reads on
		// while they come.
		cfg.Handlers.Ping, cfg.Handlers.Pong = nil, nil
		cfg.Handlers.Stream = func(c *Conn, m *Reader) {
			s, err := m.ReadString()
			if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && errors.As(err, new(*frame.Error)) {
				s = "" // how far the peer got with what was bad is in the error
			}
			note("%v %q %v", m.Type(), s, err)
		}
	}
	r := newRig(t, cfg)
	r.d.Open(Opening{})
	for len(in) > 0 {
		n := min(next(), len(in))
		r.receive(in[:n])
		in = in[n:]
	}
	r.end(io.EOF)
	r.info()
	if cfg.Dispatch == OnLoop && cfg.Handlers.Stream == nil {
		note("sent %q", r.wire.output())
	}
	return b.String()
}

// However a session is cut, the callbacks are told the same.
func TestTraceIsTheSameHoweverTheSessionIsCut(t *testing.T) {
	stream := func(*Conn, *Reader) {}
	for name, in := range sessions() {
		for mode, cfg := range map[string]Config{
			"loop":              {},
			"goroutines":        {Dispatch: OnGoroutines},
			"adaptive":          {Dispatch: Adaptive},
			"stream":            {Handlers: Handlers{Stream: stream}},
			"stream/goroutines": {Dispatch: OnGoroutines, Handlers: Handlers{Stream: stream}},
		} {
			t.Run(name+"/"+mode, func(t *testing.T) {
				cfg.MaxMessageSize = 1 << 16
				play := func(next func() int) string { return trace(t, cfg, slices.Clone(in), next) }
				want := play(func() int { return len(in) })
				if !strings.HasPrefix(want, "open\n") || strings.Count(want, "close") < 1 {
					t.Fatalf("trace: %s", want)
				}
				check := func(what string, got string) {
					t.Helper()
					if got != want {
						t.Errorf("%s: got\n%.2000s\nwant\n%.2000s", what, got, want)
					}
				}
				check("byte by byte", play(func() int { return 1 }))
				check("by threes", play(func() int { return 3 }))
				step := 1
				if mode != "loop" || raceEnabled {
					step = 7
				}
				for at := 1; at < len(in) && !t.Failed(); at += step {
					parts := []int{at, len(in)}
					check(fmt.Sprintf("cut at %d", at), play(func() int { n := parts[0]; parts = parts[1:]; return n }))
				}
			})
		}
	}
}
