package session

import (
	"io"
	"testing"
	"time"
	"unsafe"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/buffer"
)

// expectClosing takes what was sent, expects the numbers, and 1013 at their end.
func (r *rig) expectClosing(numbers string) {
	r.t.Helper()
	b := r.wire.out.String()
	if got := r.numbers(); got != numbers {
		r.t.Errorf("sent %q, want %q", got, numbers)
	}
	r.wire.out.WriteString(b)
	frames := r.sent()
	if code, reason := frames[len(frames)-1].closing(); code != frame.TryAgainLater || reason == "" {
		r.t.Errorf("closed with %v %q", code, reason)
	}
}

// The peer gets the rest of the frame that is half sent, and the Close frame behind it.
func TestShedFinishesTheFrameThatIsHalfSent(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		for _, policy := range policies {
			for taken, want := range map[int]string{
				0: "close", 1: "1 close", 10: "1 close", 20: "1 close", 21: "1 2 close", 55: "1 2 3 close",
			} {
				r := fullRig(t, Config{Dispatch: dispatch, Overflow: policy}, 0, 10)
				r.drain(taken)
				expect(t, "shed for the first time", r.d.Shed(), true)
				expect(t, "state", r.c.State(), Closing)
				expect(t, "Send", r.c.SendText("x"), ErrClosed)
				r.drain(-1)
				r.expectClosing(want)
				expect(t, "sending direction ended", r.wire.halfDone, true)
				r.end(io.EOF)
				info := r.info()
				expect(t, "unsent", info.Unsent, 200-(taken+19)/20*20)
				expectInfo(t, info, CloseInfo{By: Local, Sent: frame.TryAgainLater, Received: frame.AbnormalClosure,
					Reason: info.Reason, Err: ErrShed, Unsent: info.Unsent})
			}
		}
	})
}

func TestShedFindsTheFrameAfterEachPartialWrite(t *testing.T) {
	for step := 1; step < 45; step++ {
		r := fullRig(t, Config{}, 0, 10)
		for range 3 {
			r.drain(step)
		}
		r.d.Shed()
		r.drain(-1)
		n := min((3*step+19)/20, 10)
		if frames := r.sent(); len(frames) != n+1 || frames[n].op != frame.Close {
			t.Errorf("%d bytes taken: %d frames", 3*step, len(frames))
		}
		r.end(io.EOF)
	}
}

// What was not copied counts as one frame, half sent.
func TestShedKeepsTheRestOfADirectWrite(t *testing.T) {
	r := openRig(t, Config{})
	r.drain(100)
	expect(t, "Send", r.c.SendBinary(make([]byte, directWrite+50)), nil)
	expect(t, "Send", r.c.SendText(numbered(2)), nil)
	r.turn()
	r.d.Shed()
	r.drain(-1)
	frames := r.sent()
	expect(t, "frames", len(frames), 2)
	expect(t, "payload", len(frames[0].payload), directWrite+50)
	expect(t, "the last", frames[1].op, frame.Close)
}

func TestShedBetweenFragments(t *testing.T) {
	r := openRig(t, Config{MaxPending: 200})
	r.drain(0)
	w, _ := r.c.NewWriter(Text)
	for i := range 2 {
		_, _ = w.WriteString(numbered(i + 1))
		expect(t, "Flush", w.Flush(), nil)
	}
	_, _ = w.WriteString("gathered")
	expect(t, "Send", r.c.SendText(numbered(3)), nil) // waits behind it
	r.drain(5)
	r.d.Shed()
	expect(t, "Flush", w.Flush(), ErrClosed)
	if n, _ := r.loop.Lent(); n != 0 {
		t.Errorf("%d buffers lent", n)
	}
	r.drain(-1)
	r.expectClosing("1+ close")
}

// A Close frame that waits already stays as it is.
func TestShedOfAClosingConnectionKeepsItsClose(t *testing.T) {
	for _, full := range []bool{false, true} {
		r := fullRig(t, Config{}, 10, 10)
		want := frame.NormalClosure
		if full {
			want = frame.TryAgainLater
			expect(t, "Send", r.c.SendText(numbered(11)), ErrPendingFull)
		} else {
			expect(t, "Close", r.c.Close(want, "bye"), nil)
		}
		r.turn()
		r.d.Shed()
		r.drain(-1)
		frames := r.sent()
		expect(t, "frames", len(frames), 2)
		code, _ := frames[1].closing()
		expect(t, "code", code, want)
		r.end(io.EOF)
		expect(t, "closed", r.wire.closed, true)
	}
}

func TestShedCuts(t *testing.T) {
	full := func(t *testing.T) *rig { return fullRig(t, Config{}, 10, 10) }
	for name, c := range map[string]struct {
		rig func(t *testing.T) *rig
		end func(r *rig)
	}{
		"the_second_time": {full, func(r *rig) { expect(t, "first", r.d.Shed(), false) }},
		"at_the_timeout":  {full, func(r *rig) { r.advance(DefaultCloseTimeout) }},
		"a_very_long_rest": {func(t *testing.T) *rig {
			r := openRig(t, Config{})
			r.drain(10)
			expect(t, "Send", r.c.SendBinary(make([]byte, 2*shedRest)), nil)
			return r
		}, func(*rig) {}},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.rig(t)
			r.d.Shed()
			expect(t, "closed at once", r.wire.closed, name == "a_very_long_rest")
			c.end(r)
			expect(t, "closed", r.wire.closed, true)
			info := r.info()
			expect(t, "error", info.Err, ErrShed)
			if info.Unsent < 190 {
				t.Errorf("%d bytes unsent", info.Unsent)
			}
			expect(t, "shed once it is closed", r.d.Shed(), false)
		})
	}
}

// Memory is given back before the peer has taken anything.
func TestShedGivesBackWhatItHeld(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		at, done := make(chan bool, 100), make(chan bool)
		defer close(done)
		r := openRig(t, Config{Dispatch: dispatch, Handlers: Handlers{Message: func(c *Conn, _ Message) {
			if at <- true; dispatch == OnGoroutines {
				<-done
			}
		}}})
		r.drain(30 << 10)
		for range 10 {
			r.receive(peer(frame.Binary, true, string(make([]byte, 1000))))
		}
		<-at
		for r.c.Pending() < 900<<10 {
			expect(t, "Send", r.c.SendBinary(make([]byte, 20<<10)), nil)
		}
		r.receive(peer(frame.Binary, false, string(make([]byte, 100<<10))))
		if n, shed := r.d.Holding(); n < 900<<10 || shed {
			t.Errorf("%d bytes held before, shed: %v", n, shed)
		}
		r.d.Shed()
		if n, shed := r.d.Holding(); n > 32<<10 || !shed {
			t.Errorf("%d bytes held after, shed: %v", n, shed)
		}
		held := int64(unsafe.Sizeof(queue{})) // of the rest of a frame, and the Close frame
		if dispatch == OnGoroutines {
			held += 1 << 10 // of the callback at work
		}
		if _, n := r.loop.Lent(); n > 16<<10+held {
			t.Errorf("%d bytes are lent", n)
		}
		r.drain(-1)
		if frames := r.sent(); len(frames) != 3 || frames[2].op != frame.Close {
			t.Errorf("%d frames", len(frames))
		}
	})
}

// borrowing is a transport that holds so many bytes of the loop's pool.
type borrowing struct {
	cutter
	lent int
}

func (b *borrowing) SetPool(*buffer.Pool) {}
func (b *borrowing) Lent() int            { return b.lent }

// What the transport holds of the loop's pool counts as the connection's. Once the connection is shed again, the transport has
// no time for it any more.
func TestShedOfWhatTheTransportHolds(t *testing.T) {
	for lent, want := range map[int]time.Duration{0: DefaultCloseTimeout, shedLast: DefaultCloseTimeout, 24 << 10: 0} {
		r := openRig(t, Config{})
		b := &borrowing{cutter{r.wire, -1}, lent}
		r.d.SetTransport(b)
		if n, _ := r.d.Holding(); n != lent {
			t.Errorf("%d bytes held, want %d", n, lent)
		}
		expect(t, "shed for the first time", r.d.Shed(), true)
		expect(t, "closed", r.wire.closed, false)
		expect(t, "shed again", r.d.Shed(), false)
		expect(t, "closed", r.wire.closed, true)
		expect(t, "patience", b.patience, want)
	}
}
