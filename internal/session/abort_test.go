package session

import (
	"testing"

	"github.com/framerail/framerail/frame"
)

// Abort sends nothing, and waits for nothing, wherever it is called.
func TestConnAbort_EndsAtOnce(t *testing.T) {
	abort := func(c *Conn) {
		c.Abort()
		c.Abort()
	}
	aborted := CloseInfo{By: Local, Received: frame.AbnormalClosure, Err: ErrAborted}
	both(t, func(t *testing.T, dispatch Dispatch) {
		t.Run("elsewhere", func(t *testing.T) {
			r := openRig(t, Config{Dispatch: dispatch})
			done := make(chan bool)
			go func() { abort(r.c); close(done) }()
			<-done
			expect(t, "state", r.c.State(), Closing)
			expect(t, "Send", r.c.SendText("x"), ErrClosed)
			expect(t, "Close", r.c.Close(frame.NormalClosure, ""), ErrClosed)
			r.turn()
			expect(t, "closed", r.wire.closed, true)
			expectInfo(t, r.info(), aborted)
			expect(t, "frames sent", len(r.sent()), 0)
			abort(r.c) // a closed one
		})
		for name, h := range map[string]Handlers{
			"open":    {Open: abort},
			"message": {Message: func(c *Conn, _ Message) { abort(c) }},
			"stream":  {Stream: func(c *Conn, _ *Reader) { abort(c) }},
			"ping":    {Ping: func(c *Conn, _ []byte) { abort(c) }},
		} {
			t.Run(name, func(t *testing.T) {
				r := newRig(t, Config{Dispatch: dispatch, Handlers: h})
				r.d.Open(Opening{Rest: append(peer(frame.Ping, true, ""), text("x")...)})
				expectInfo(t, r.info(), aborted)
			})
		}
		t.Run("while_closing", func(t *testing.T) {
			r := openRig(t, Config{Dispatch: dispatch})
			_ = r.c.Close(frame.NormalClosure, "bye")
			r.turn()
			abort(r.c)
			r.turn()
			expect(t, "closed", r.wire.closed, true)
			want := aborted
			want.Sent, want.Reason = frame.NormalClosure, "bye"
			expectInfo(t, r.info(), want)
		})
	})
}

// What a peer has not read does not keep Abort from ending, nor do messages that wait for a
// callback; they are dropped.
func TestConnAbort_OfAPeerThatDoesNotRead(t *testing.T) {
	calls := make(chan string, 10)
	hold := make(chan bool)
	r := openRig(t, Config{Dispatch: OnGoroutines, Handlers: Handlers{Message: func(_ *Conn, m Message) {
		calls <- string(m.Payload)
		<-hold
	}}})
	r.receive(append(text("first"), text("second")...))
	expect(t, "call", <-calls, "first")
	r.drain(0)
	expect(t, "Send", r.c.SendText("lost"), nil)
	r.turn()
	r.c.Abort()
	r.turn()
	expect(t, "closed", r.wire.closed, true)
	close(hold)
	expectInfo(t, r.info(), CloseInfo{By: Local, Received: frame.AbnormalClosure, Err: ErrAborted, Unsent: 6})
	expect(t, "calls of the message callback", len(calls), 0)
}
