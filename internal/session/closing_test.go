package session

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/framerail/framerail/frame"
)

// both runs a test with callbacks on the loop, on goroutines, and on both.
func both(t *testing.T, f func(t *testing.T, dispatch Dispatch)) {
	t.Run("dispatch=loop", func(t *testing.T) { f(t, OnLoop) })
	t.Run("dispatch=goroutines", func(t *testing.T) { f(t, OnGoroutines) })
	t.Run("dispatch=adaptive", func(t *testing.T) { f(t, Adaptive) })
}

func expectInfo(t *testing.T, got, want CloseInfo) {
	t.Helper()
	if !errors.Is(got.Err, want.Err) {
		t.Errorf("error: got %v, want %v", got.Err, want.Err)
	}
	got.Err, want.Err = nil, nil
	expect(t, "close info", got, want)
}

// expectClose checks that the one frame sent is a Close.
func (r *rig) expectClose(code frame.CloseCode, reason string) {
	r.t.Helper()
	got := r.sent()
	if len(got) != 1 || got[0].op != frame.Close {
		r.t.Fatalf("sent %v, want a Close frame", got)
	}
	gotCode, gotReason := got[0].closing()
	if gotCode != code || gotReason != reason {
		r.t.Errorf("sent a Close of %v %q, want %v %q", gotCode, gotReason, code, reason)
	}
}

func TestCloseByLocal(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		r := openRig(t, Config{Dispatch: dispatch})
		expect(t, "Close", r.c.Close(frame.NormalClosure, "bye"), nil)
		expect(t, "state", r.c.State(), Closing)
		r.turn()
		r.expectClose(frame.NormalClosure, "bye")
		expect(t, "closed before the peer's Close", r.wire.closed, false)
		r.receive(peerClose(frame.GoingAway, "so long"))
		expect(t, "closed", r.wire.closed, true)
		expectInfo(t, r.info(), CloseInfo{By: Local, Sent: frame.NormalClosure, Received: frame.GoingAway, Reason: "bye"})
		expect(t, "clean", r.info().Clean(), true)
		expect(t, "frames after it", len(r.sent()), 0)
	})
}

func TestCloseByPeer(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		for _, c := range []struct {
			payload  string
			code     frame.CloseCode // received and sent
			reason   string
			answered string
		}{
			{"", frame.NoStatusReceived, "", ""},
			{"\x03\xe8", frame.NormalClosure, "", "\x03\xe8"},
			{"\x0f\xa0why", 4000, "why", "\x0f\xa0"},
		} {
			r := openRig(t, Config{Dispatch: dispatch})
			r.receive(peer(frame.Close, true, c.payload))
			expectInfo(t, r.info(), CloseInfo{By: Peer, Sent: c.code, Received: c.code, Reason: c.reason})
			got := r.sent()
			if len(got) != 1 || got[0] != (sentFrame{frame.Close, true, c.answered}) {
				t.Errorf("answered %q with %v", c.payload, got)
			}
			expect(t, "closed", r.wire.closed, true)
		}
	})
}

func TestCloseByBothAtOnce(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		r := openRig(t, Config{Dispatch: dispatch})
		r.wire.in = peerClose(frame.GoingAway, "peer")
		_ = r.c.Close(frame.NormalClosure, "local")
		r.poll()
		expectInfo(t, r.info(), CloseInfo{By: Local, Sent: frame.NormalClosure, Received: frame.GoingAway, Reason: "local"})
		r.expectClose(frame.NormalClosure, "local")
	})
}

// A transport may tell of the end along with the last bytes, as TLS does.
func TestCloseIsCleanIfTheStreamEndsRightBehindIt(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		for _, end := range []error{io.EOF, ErrTruncated, syscall.ECONNRESET} {
			for by, want := range map[Side]CloseInfo{
				Peer:  {By: Peer, Sent: frame.GoingAway, Received: frame.GoingAway, Reason: "peer"},
				Local: {By: Local, Sent: frame.NormalClosure, Received: frame.GoingAway, Reason: "local"},
			} {
				r := openRig(t, Config{Dispatch: dispatch})
				if by == Local {
					_ = r.c.Close(frame.NormalClosure, "local")
					r.turn()
				}
				r.wire.in, r.wire.inErrAtOnce = peerClose(frame.GoingAway, "peer"), true
				r.end(end)
				expectInfo(t, r.info(), want)
			}
		}
	})
}

func TestCloseWithoutCode(t *testing.T) {
	for _, code := range []frame.CloseCode{0, frame.NoStatusReceived} {
		r := openRig(t, Config{})
		expect(t, "Close", r.c.Close(code, ""), nil)
		r.turn()
		got := r.sent()
		if len(got) != 1 || got[0] != (sentFrame{frame.Close, true, ""}) {
			t.Errorf("sent %v", got)
		}
		r.receive(peer(frame.Close, true, ""))
		expectInfo(t, r.info(), CloseInfo{By: Local, Sent: frame.NoStatusReceived, Received: frame.NoStatusReceived})
	}
}

// RFC 6455 7.4: what may be sent is what may be received.
func TestCloseCodes(t *testing.T) {
	for code := range frame.CloseCode(5001) {
		if code == 0 || code == frame.NoStatusReceived {
			continue // these send none
		}
		c := new(Conn)
		err := c.Close(code, "")
		_, _, broken := frame.ParseClose([]byte{byte(code >> 8), byte(code)})
		if valid := err == ErrClosed; valid != (broken == nil) {
			t.Fatalf("Close(%d): %v", code, err)
		}
	}
	for _, code := range []frame.CloseCode{1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535} {
		r := openRig(t, Config{})
		r.receive(peer(frame.Close, true, string([]byte{byte(code >> 8), byte(code)})))
		got := r.sent()
		if sent, _ := got[0].closing(); sent != frame.ProtocolError {
			t.Errorf("Close with %d answered with %v", code, sent)
		}
	}
}

func TestCloseRefusesWhatCannotBeSent(t *testing.T) {
	r := openRig(t, Config{})
	for name, err := range map[string]error{
		"reason_over_123": r.c.Close(frame.NormalClosure, strings.Repeat("x", 124)),
		"reason_not_utf8": r.c.Close(frame.NormalClosure, "\xff"),
		"no_code":         r.c.Close(0, "reason"),
		"1006":            r.c.Close(frame.AbnormalClosure, ""),
	} {
		if !errors.Is(err, frame.ErrSendClose) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r.turn()
	expect(t, "frames sent", len(r.sent()), 0)
	expect(t, "state", r.c.State(), Open)
	expect(t, "longest reason", r.c.Close(frame.NormalClosure, strings.Repeat("x", 123)), nil)
}

func TestCloseTwice(t *testing.T) {
	r := openRig(t, Config{})
	errs := make(chan error, 8)
	var wg sync.WaitGroup
	for range cap(errs) {
		wg.Go(func() { errs <- r.c.Close(frame.NormalClosure, "") })
	}
	wg.Wait()
	close(errs)
	first := 0
	for err := range errs {
		if err == nil {
			first++
		} else if err != ErrClosed {
			t.Error(err)
		}
	}
	expect(t, "calls that closed", first, 1)
	r.turn()
	r.expectClose(frame.NormalClosure, "")
	r.receive(peerClose(frame.NormalClosure, ""))
	r.info()
	expect(t, "Close of a closed connection", r.c.Close(frame.NormalClosure, ""), ErrClosed)
	expect(t, "close callbacks", len(r.closings()), 1)
}

func TestCloseInCallbacks(t *testing.T) {
	closing := func(c *Conn) { _ = c.Close(frame.NormalClosure, "") }
	both(t, func(t *testing.T, dispatch Dispatch) {
		for name, h := range map[string]Handlers{
			"open":    {Open: closing},
			"message": {Message: func(c *Conn, _ Message) { closing(c) }},
			"stream":  {Stream: func(c *Conn, _ *Reader) { closing(c) }},
			"ping":    {Ping: func(c *Conn, _ []byte) { closing(c) }},
		} {
			t.Run(name, func(t *testing.T) {
				r := newRig(t, Config{Dispatch: dispatch, Handlers: h})
				r.d.Open(Opening{Rest: append(peer(frame.Ping, true, ""), text("x")...)})
				r.eventually("closing", func() bool { return r.c.State() == Closing && r.c.Pending() == 0 })
				all := r.sent()
				expect(t, "last frame", all[len(all)-1].op, frame.Close)
				r.receive(peerClose(frame.NormalClosure, ""))
				expectInfo(t, r.info(), CloseInfo{By: Local, Sent: frame.NormalClosure, Received: frame.NormalClosure})
			})
		}
		t.Run("close", func(t *testing.T) {
			again := make(chan error, 1)
			r := openRig(t, Config{Dispatch: dispatch, Handlers: Handlers{
				Close: func(c *Conn, _ CloseInfo) { again <- c.Close(frame.NormalClosure, "") },
			}})
			r.receive(peerClose(frame.NormalClosure, ""))
			r.info()
			expect(t, "Close", <-again, ErrClosed)
		})
	})
}

// RFC 6455 5.5.1: no data after a Close frame, whoever sent it first.
func TestNothingIsSentAfterClose(t *testing.T) {
	begin := map[string]func(r *rig){
		"local": func(r *rig) { _ = r.c.Close(frame.NormalClosure, "") },
		"peer":  func(r *rig) { r.receive(peerClose(frame.NormalClosure, "")) },
		"fail":  func(r *rig) { r.receive([]byte{0xF0, 0}) },
		"abort": func(r *rig) { r.d.Abort(nil) },
	}
	for name, begin := range begin {
		t.Run(name, func(t *testing.T) {
			r := openRig(t, Config{})
			w, _ := r.c.NewWriter(Text)
			_, _ = w.Write([]byte("begun"))
			r.drain(0)
			begin(r)
			_, writeErr := w.Write([]byte("x"))
			_, newErr := r.c.NewWriter(Text)
			for what, err := range map[string]error{
				"Send": r.c.Send(Text, nil), "SendText": r.c.SendText(""), "SendBinary": r.c.SendBinary(nil),
				"SendAs": r.c.sendAs(Outgoing{Type: Text}), "Ping": r.c.Ping(nil), "Pong": r.c.Pong(nil),
				"Write": writeErr, "NewWriter": newErr, "Flush": w.Flush(), "Writer.Close": w.Close(),
				"Close": r.c.Close(frame.NormalClosure, ""),
			} {
				if err != ErrClosed {
					t.Errorf("%s: %v", what, err)
				}
			}
			r.drain(-1)
			frames := r.sent()
			for i, f := range frames {
				if f.op == frame.Close && i != len(frames)-1 {
					t.Errorf("sent %v", frames)
				}
			}
		})
	}
}

func TestCloseGoesBehindWhatIsPending(t *testing.T) {
	r := openRig(t, Config{})
	r.drain(0)
	for i := range 3 {
		_ = r.c.SendText(fmt.Sprint(i))
	}
	_ = r.c.Close(frame.NormalClosure, "")
	for r.c.Pending() > 0 {
		r.drain(1)
	}
	got := r.sent()
	if len(got) != 4 || got[2].payload != "2" || got[3].op != frame.Close {
		t.Errorf("sent %v", got)
	}
}

func TestPeersCloseWaitsForAnswersOfQueuedMessages(t *testing.T) {
	gate := make(chan bool)
	r := openRig(t, Config{Dispatch: OnGoroutines, Handlers: Handlers{
		Message: func(c *Conn, m Message) { <-gate; echo(c, m) },
	}})
	in := append(text("1"), text("2")...)
	in = append(in, text("3")...)
	r.receive(append(in, peerClose(frame.NormalClosure, "")...))
	r.turn()
	expect(t, "state", r.c.State(), Open)
	close(gate)
	expectInfo(t, r.info(), CloseInfo{By: Peer, Sent: frame.NormalClosure, Received: frame.NormalClosure})
	got := r.sent()
	if len(got) != 4 || got[0].payload != "1" || got[2].payload != "3" || got[3].op != frame.Close {
		t.Errorf("sent %v", got)
	}
}

func TestBytesAfterThePeersCloseAreIgnored(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		r := openRig(t, Config{Dispatch: dispatch, Handlers: Handlers{Message: echo}})
		in := append(peerClose(frame.NormalClosure, "1"), text("late")...)
		r.receive(append(in, peerClose(frame.GoingAway, "2")...))
		expectInfo(t, r.info(), CloseInfo{By: Peer, Sent: frame.NormalClosure, Received: frame.NormalClosure, Reason: "1"})
		r.expectClose(frame.NormalClosure, "")
	})
}

func TestMessagesThatArriveAfterLocalCloseAreDropped(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		r := openRig(t, Config{Dispatch: dispatch, Handlers: Handlers{
			Message: func(*Conn, Message) { t.Error("message after Close") },
			Ping:    func(*Conn, []byte) { t.Error("ping after Close") },
			Pong:    func(*Conn, []byte) { t.Error("pong after Close") },
		}})
		_ = r.c.Close(frame.NormalClosure, "")
		in := append(text("late"), peer(frame.Ping, true, "")...)
		in = append(in, peer(frame.Pong, true, "")...)
		r.receive(append(in, peerClose(frame.NormalClosure, "")...))
		r.info()
	})
}

func TestCloseDuringAFragmentedMessage(t *testing.T) {
	r := openRig(t, Config{})
	w, _ := r.c.NewWriter(Text)
	_, _ = w.Write([]byte("begun"))
	_ = w.Flush()
	_ = r.c.SendText("behind")
	_ = r.c.Close(frame.NormalClosure, "")
	r.turn()
	got := r.sent()
	if len(got) != 2 || got[0] != (sentFrame{Text, false, "begun"}) || got[1].op != frame.Close {
		t.Errorf("sent %v", got)
	}
	r.receive(peerClose(frame.NormalClosure, ""))
	expect(t, "unsent", r.info().Unsent, len("behind")+2)
}

func TestCloseInfoString(t *testing.T) {
	i := CloseInfo{By: Peer, Sent: 1000, Received: 1001, Reason: "r", Unsent: 3, Err: ErrIdle}
	for _, part := range []string{"peer", "1000", "1001", `"r"`, "3 bytes", ErrIdle.Error()} {
		if !strings.Contains(i.String(), part) {
			t.Errorf("%q lacks %q", i, part)
		}
	}
	for s, want := range map[fmt.Stringer]string{Nobody: "nobody", Local: "local", Open: "open",
		Connecting: "connecting", Closing: "closing", Closed: "closed", State(9): "unknown"} {
		expect(t, "name", s.String(), want)
	}
}

// A loop that is late may find the timeout over before it has read the answer.
func TestCloseThatCameInTimeIsReadBeforeTheTimeout(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		r := openRig(t, Config{Dispatch: dispatch})
		expect(t, "Close", r.c.Close(frame.GoingAway, ""), nil)
		r.turn()
		r.wire.in = append(text("sent before it knew"), peerClose(frame.GoingAway, "")...)
		r.advance(DefaultCloseTimeout)
		expect(t, "closed", r.wire.closed, true)
		expectInfo(t, r.info(), CloseInfo{By: Local, Sent: frame.GoingAway, Received: frame.GoingAway})
	})
}

// What it finds is no reason to wait on.
func TestCloseTimeoutEndsAPeerThatSendsOn(t *testing.T) {
	r := openRig(t, Config{})
	expect(t, "Close", r.c.Close(frame.GoingAway, ""), nil)
	r.turn()
	r.wire.in = text("and on")
	r.advance(DefaultCloseTimeout)
	expect(t, "closed", r.wire.closed, true)
	expect(t, "error", r.info().Err, ErrCloseTimeout)
}
