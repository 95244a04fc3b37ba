//go:build poison

package session

import (
	"io"
	"strings"
	"testing"

	"github.com/framerail/framerail/frame"
)

// Every payload is valid until its callback returns; copy to keep. A build with the
// tag poison overwrites it then, so that a program that keeps one finds out.
func TestPayloadIsOverwrittenWhenItsCallbackReturns(t *testing.T) {
	long := strings.Repeat("a", 5000)
	both(t, func(t *testing.T, dispatch Dispatch) {
		for name, in := range map[string][]byte{
			"ping": peer(frame.Ping, true, "a"), "pong": peer(frame.Pong, true, "a"),
			"message": text("a"), "empty": text(""), "long": text(long),
			"fragments": append(peer(frame.Text, false, long), peer(frame.Continuation, true, "a")...),
			"behind":    append(text("a"), text(long)...),
		} {
			t.Run(name, func(t *testing.T) {
				var kept [][]byte
				done := make(chan bool, 10)
				keep := func(p []byte) {
					for _, old := range kept {
						checkPoisoned(t, old)
					}
					if strings.Trim(string(p), "a") != "" {
						t.Errorf("payload %q", p)
					}
					kept = append(kept, p)
					done <- true
				}
				r := openRig(t, Config{Dispatch: dispatch, Handlers: Handlers{
					Message: func(_ *Conn, m Message) { keep(m.Payload) },
					Ping:    func(_ *Conn, p []byte) { keep(p) },
					Pong:    func(_ *Conn, p []byte) { keep(p) },
				}})
				r.wire.in = in
				r.eventually("the callbacks", func() bool {
					return len(done) > 0 && len(r.wire.in) == 0 && !r.c.queued()
				})
				for _, p := range kept {
					checkPoisoned(t, p)
				}
			})
		}
	})
}

func checkPoisoned(t *testing.T, p []byte) {
	t.Helper()
	for _, b := range p {
		if b != 0xDB {
			t.Errorf("still readable: %.20q", p)
			return
		}
	}
}

// What a program sends and what a reader has given are its own.
func TestWhatTheProgramOwnsIsNotOverwritten(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		own := []byte(strings.Repeat("own", 10_000))
		var got []byte
		done := make(chan bool, 1)
		r := openRig(t, Config{Dispatch: dispatch, Handlers: Handlers{Stream: func(c *Conn, m *Reader) {
			got, _ = m.ReadAll()
			_ = c.Send(Binary, own)
			w, _ := c.NewWriter(Binary)
			_, _ = w.Write(own)
			_ = w.Close()
			done <- true
		}}})
		r.drain(10)
		r.receive(text(strings.Repeat("in", 1000)))
		r.eventually("the callback", func() bool { return len(done) == 1 })
		r.drain(-1)
		if string(got) != strings.Repeat("in", 1000) || string(own) != strings.Repeat("own", 10_000) {
			t.Error("overwritten")
		}
		for _, m := range messagesOf(r.sent()) {
			if m != string(own)+"\n" {
				t.Errorf("sent %.40q", m)
			}
		}
		r.end(io.EOF)
	})
}

// So is one that came compressed, which lies in a buffer of the loop's.
func TestInflatedPayloadIsOverwrittenWhenItsCallbackReturns(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		for _, size := range []int{10, 5000, 100_000} {
			var kept []byte
			r := deflateRig(t, Config{Dispatch: dispatch, Handlers: Handlers{Message: func(_ *Conn, m Message) {
				if strings.Trim(m.String(), "a") != "" {
					t.Errorf("payload %.40q", m.Payload)
				}
				kept = m.Payload
			}}}, takeover)
			p := newDeflatePeer(t, r)
			for range 2 { // what the second refers to must not be overwritten
				r.receive(p.frames(frame.Text, strings.Repeat("a", size), 1, nil))
				r.eventually("the callback", func() bool { return r.wire.unread() == 0 && r.d.rx == nil && !r.c.queued() })
				checkPoisoned(t, kept)
			}
		}
	})
}
