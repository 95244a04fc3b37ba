package session

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/framerail/framerail/frame"
)

// The most that may ever be pending: the bound, the reserve of control frames, and
// one Close frame.
func maxPending(r *rig) int {
	return r.policy.config.MaxPending + controlReserve + 2 + 4 + frame.MaxControlPayload
}

// What Pending says is what the transport has not taken, is never over the bound,
// and what a failing send was to send is never seen: all sends, at random, to a
// transport that takes random amounts.
func TestPendingIsBoundedAtEveryStep(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 1))
			r := openRig(t, Config{MaxPending: 64 << rnd.IntN(11), Overflow: OverflowRefuse})
			w := pendingWalk{r: r, rnd: rnd}
			r.drain(0)
			for range 300 {
				w.step()
				if n := r.c.Pending(); n > maxPending(r) {
					t.Fatalf("%d bytes pending, bound %d", n, r.policy.config.MaxPending)
				}
			}
			if w.writer != nil {
				for w.writer.Close() == ErrPendingFull {
					r.drain(100_000)
				}
				w.write.WriteString("\n")
				w.sent = append(w.sent, w.write.String())
				w.sent = append(w.sent, w.behind...)
			}
			r.drain(-1)
			expect(t, "pending at last", r.c.Pending(), 0)
			if got := strings.Join(messagesOf(r.sent()), ""); got != strings.Join(w.sent, "") {
				t.Errorf("received %d bytes, want %d", len(got), len(strings.Join(w.sent, "")))
			}
		})
	}
}

// pendingWalk sends at random and notes what must arrive.
type pendingWalk struct {
	r      *rig
	rnd    *rand.Rand
	writer *Writer
	write  strings.Builder // what the open writer has taken
	sent   []string        // messages, in the order they will arrive
	behind []string        // those sent while the writer is open
	next   byte
}

func (w *pendingWalk) step() {
	c, max := w.r.c, w.r.policy.config.MaxPending
	w.next++
	payload := bytes.Repeat([]byte{'a' + w.next%26}, w.rnd.IntN(1+max>>w.rnd.IntN(6)))
	switch w.rnd.IntN(10) {
	case 0, 1, 2:
		before := c.Pending()
		err := c.Send(Text, payload)
		if err == nil && w.writer != nil {
			w.behind = append(w.behind, string(payload)+"\n")
		} else if err == nil {
			w.sent = append(w.sent, string(payload)+"\n")
		} else if err != ErrPendingFull && (err != ErrMessageTooLarge || len(payload) < max-8) || c.Pending() > before {
			w.r.t.Fatalf("Send: %v with %d bytes pending, %d before", err, c.Pending(), before)
		}
	case 3, 4:
		if w.writer == nil {
			w.writer, _ = c.NewWriter(Text)
			w.write.Reset()
		}
		n, _ := w.writer.Write(payload)
		w.write.Write(payload[:n])
	case 5:
		if w.writer != nil && w.writer.Close() == nil {
			w.sent = append(w.sent, w.write.String()+"\n")
			w.sent = append(w.sent, w.behind...)
			w.writer, w.behind = nil, nil
		}
	case 6:
		_ = c.Ping(payload[:min(len(payload), 125)])
	case 7:
		w.r.receive(peer(frame.Ping, true, string(payload[:min(len(payload), 125)])))
	default:
		w.r.drain(w.rnd.IntN(1 + max/2))
	}
	w.r.turn()
}

// messagesOf joins fragments into messages, each with a newline behind it.
func messagesOf(frames []sentFrame) (messages []string) {
	var m strings.Builder
	for _, f := range frames {
		if f.op.IsControl() {
			continue
		}
		m.WriteString(f.payload)
		if f.fin {
			messages = append(messages, m.String()+"\n")
			m.Reset()
		}
	}
	return messages
}

func TestPendingFullSendsNothingAndDrainedFollows(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		drained := make(chan int, 10)
		r := openRig(t, Config{Dispatch: dispatch, MaxPending: 1000, Overflow: OverflowRefuse, Handlers: Handlers{
			Drained: func(c *Conn) { drained <- c.Pending() },
		}})
		r.drain(0)
		expect(t, "Send", r.c.Send(Binary, make([]byte, 900)), nil)
		pending := r.c.Pending()
		expect(t, "pending", pending, 900+4)
		expect(t, "Send over the bound", r.c.Send(Binary, make([]byte, 100)), ErrPendingFull)
		expect(t, "pending", r.c.Pending(), pending)
		expect(t, "Send up to the bound", r.c.Send(Binary, make([]byte, 94)), nil)
		expect(t, "pending", r.c.Pending(), 1000)
		r.drain(999)
		expect(t, "drained early", len(drained), 0)
		r.drain(1)
		r.eventually("the drained callback", func() bool { return len(drained) == 1 })
		expect(t, "pending in it", <-drained, 0)
		expect(t, "frames", len(r.sent()), 2)
	})
}

// A callback that sends much in small messages is not told that a peer is slow which
// was given nothing yet.
func TestSendsOfOneTurnMayPassTheBoundIfTheTransportTakesThem(t *testing.T) {
	r := openRig(t, Config{MaxPending: 1000, Handlers: Handlers{Message: func(c *Conn, _ Message) {
		for range 100 {
			if err := c.Send(Binary, make([]byte, 100)); err != nil {
				t.Error(err)
			}
		}
	}}})
	r.receive(text("go"))
	expect(t, "frames", len(r.sent()), 100)
}

func TestDrainedIsNotCalledForWhatWasNeverRefused(t *testing.T) {
	r := openRig(t, Config{MaxPending: 1000, Handlers: Handlers{Drained: func(*Conn) { t.Error("drained") }}})
	_ = r.c.SendText("short")
	r.turn()
	expect(t, "too large ever to be sent", r.c.Send(Binary, make([]byte, 2000)), ErrMessageTooLarge)
	r.turn()
}

func TestDrainedMaySendMore(t *testing.T) {
	left := 10
	r := openRig(t, Config{MaxPending: 1000, Overflow: OverflowRefuse, Handlers: Handlers{Drained: func(c *Conn) {
		for left > 0 && c.Send(Binary, make([]byte, 400)) == nil {
			left--
		}
	}}})
	r.drain(0)
	for r.c.Send(Binary, make([]byte, 400)) == nil {
	}
	for range 30 {
		r.drain(404)
	}
	expect(t, "left", left, 0)
	expect(t, "frames", len(r.sent()), 12)
}

func TestPeerThatDoesNotReadIsNotRead(t *testing.T) {
	r := openRig(t, Config{MaxPending: 1000, Handlers: Handlers{Message: echo}})
	r.drain(0)
	ask := text(strings.Repeat("x", 94)) // an answer of 96 bytes
	for range 9 {
		r.receive(ask)
	}
	expect(t, "pending", r.c.Pending(), 4*96)
	expect(t, "read interest above three eighths of the bound", r.read, false)
	r.drain(4*96 - 251)
	expect(t, "read interest above a quarter", r.read, false)
	r.drain(1)
	expect(t, "read interest at a quarter", r.read, true)
	r.drain(-1)
	for range 3 {
		r.poll()
	}
	expect(t, "answers", len(r.sent()), 9)
}

// With the default bounds a program that merely answers stays within that on pending
// bytes, whatever the peer sends and however late it reads.
func TestAnswersStayWithinTheBoundOfDefaults(t *testing.T) {
	entered, gate := make(chan struct{}, 10), make(chan struct{})
	r := openRig(t, Config{Dispatch: OnGoroutines, Handlers: Handlers{Message: func(c *Conn, m Message) {
		entered <- struct{}{}
		<-gate
		echo(c, m)
	}}})
	r.drain(0)
	largest := peer(frame.Binary, true, strings.Repeat("x", DefaultMaxMessageSize))
	fill := func(n int) { r.receive(peer(frame.Binary, true, strings.Repeat("x", n))) }

	mark := r.policy.limits.holdMark()
	for left := mark; left > 0; {
		n := min(left, 60_000) // of a frame with a header of 4 bytes
		left -= n
		fill(n - 4)
		<-entered
		gate <- struct{}{}
	}
	r.eventually("the mark to be reached", func() bool { return r.c.Pending() == mark })
	expect(t, "read interest at the mark", r.read, true)

	taken := func() bool { return r.wire.unread() == 0 }
	r.receive(largest)
	r.eventually("the first message", taken)
	<-entered
	fill(DefaultQueueBytes - 1)
	r.receive(largest)
	r.eventually("the last message", taken)
	close(gate)
	r.eventually("the answers", func() bool { return r.c.Pending() > mark+2*DefaultMaxMessageSize })
	r.turn()
	expect(t, "state", r.c.State(), Open)
	expect(t, "within the bound", r.c.Pending() <= DefaultMaxPending, true)
	r.drain(-1)
}

// A connection that is held in the middle of what one read gave keeps the rest, in
// order, and takes it in without copying it again.
func TestBytesThatMustWaitAreKeptInOrder(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		var want []string
		var in []byte
		for i := range 5000 {
			m := fmt.Sprint("message ", i)
			want = append(want, m+"\n")
			in = append(in, text(m)...)
		}
		r := openRig(t, Config{Dispatch: dispatch, MaxPending: 1000, QueueMessages: 5, Handlers: Handlers{Message: echo}})
		r.drain(0)
		r.receive(in)
		var got []byte
		r.eventually("all answers", func() bool {
			if r.closed > 0 {
				t.Fatal("closed")
			}
			r.drain(700)
			got = append(got, r.wire.take()...)
			return r.c.Pending() == 0 && len(r.wire.in) == 0 && r.d.rx == nil && !r.c.queued()
		})
		r.wire.out.Write(got)
		if got := messagesOf(r.sent()); strings.Join(got, "") != strings.Join(want, "") {
			t.Errorf("%d answers, want %d in order", len(got), len(want))
		}
	})
}

func TestPongsToAPeerThatDoesNotReadAreBounded(t *testing.T) {
	for _, size := range []int{0, 4, 125} {
		r := openRig(t, Config{MaxPending: 4096})
		r.drain(0)
		_ = r.c.Send(Binary, make([]byte, 1000))
		for i := range 1000 {
			r.receive(peer(frame.Ping, true, strings.Repeat("x", size)[:max(0, size-4)]+fmt.Sprintf("%04d", i)[:min(4, size)]))
		}
		if n := r.c.Pending(); n > 4096+controlReserve {
			t.Errorf("%d bytes pending", n)
		}
		r.drain(-1)
		got := r.sent()
		last := got[len(got)-1]
		if last.op != frame.Pong || size > 0 && !strings.HasSuffix(last.payload, "0999") {
			t.Errorf("the last frame is %.200v", last)
		}
		if n := len(got); size == 125 && n > controlReserve/127+2 {
			t.Errorf("%d frames", len(got))
		}
	}
}

// A queue that is never empty must not starve control frames.
func TestPongsReachAPeerThatIsNeverDrained(t *testing.T) {
	r := openRig(t, Config{MaxPending: 4096})
	r.drain(0)
	for i := range 500 {
		for r.c.Pending() < 1400 { // less than would stop the input
			_ = r.c.Send(Binary, make([]byte, 100))
		}
		r.receive(peer(frame.Ping, true, fmt.Sprint(i)))
		r.drain(300)
		if r.c.Pending() == 0 {
			t.Fatal("drained")
		}
	}
	r.drain(-1)
	last, gap := 0, 0
	for _, f := range r.sent() {
		if f.op == frame.Pong {
			var i int
			_, _ = fmt.Sscan(f.payload, &i)
			gap, last = max(gap, i-last), i
		}
	}
	expect(t, "last answered", last, 499)
	if gap > 50 {
		t.Errorf("%d pings in a row were not answered", gap)
	}
}

// A queue at rest must not keep the connection that had it, nor what the program has
// put there.
func TestQueueAtRestKeepsNoConnection(t *testing.T) {
	r := openRig(t, Config{})
	_ = r.c.SendText("x")
	q := r.c.tx
	r.turn()
	if r.c.tx != nil || q.waiters.first != nil || q.writer != nil {
		t.Error("it does")
	}
}
