package session

import (
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/frame"
)

const idle = 10 * time.Second

// pings takes what was sent, all of which must be pings, and counts it.
func (r *rig) pings() int {
	r.t.Helper()
	got := r.sent()
	for _, f := range got {
		if f.op != frame.Ping {
			r.t.Fatalf("sent %v", f)
		}
	}
	return len(got)
}

func TestSilentPeerIsPingedAtHalfAndEndedAtTheIdleTimeout(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		r := openRig(t, Config{Dispatch: dispatch, IdleTimeout: idle})
		r.advance(idle/2 - time.Millisecond)
		expect(t, "pings before half", r.pings(), 0)
		r.advance(time.Millisecond)
		expect(t, "pings at half", r.pings(), 1)
		r.advance(idle/2 - time.Millisecond)
		r.d.Expire() // too early
		expect(t, "pings before the end", r.pings(), 0)
		expect(t, "closed before the end", r.wire.closed, false)
		r.advance(time.Millisecond)
		expect(t, "closed at the end", r.wire.closed, true)
		r.expectClose(frame.GoingAway, "idle timeout")
		expectInfo(t, r.info(), CloseInfo{By: Local, Sent: frame.GoingAway, Received: frame.AbnormalClosure,
			Reason: "idle timeout", Err: ErrIdle})
	})
}

// What an idle peer has sent before is still handled, however slow the callbacks are.
func TestMessagesOfAnIdlePeerAreHandled(t *testing.T) {
	gate, got := make(chan bool), make(chan string, 3)
	r := openRig(t, Config{Dispatch: OnGoroutines, IdleTimeout: idle, Handlers: Handlers{Message: func(_ *Conn, m Message) {
		<-gate
		got <- string(m.Payload)
	}}})
	for _, m := range []string{"one", "two", "three"} {
		r.receive(text(m))
	}
	r.advance(idle)
	expect(t, "closed", r.wire.closed, true)
	close(gate)
	expectInfo(t, r.info(), CloseInfo{By: Local, Sent: frame.GoingAway, Received: frame.AbnormalClosure,
		Reason: "idle timeout", Err: ErrIdle})
	for _, m := range []string{"one", "two", "three"} {
		expect(t, "message", receiveOr(got), m)
	}
}

// receiveOr is what c has, or empty.
func receiveOr(c <-chan string) string {
	select {
	case s := <-c:
		return s
	default:
		return ""
	}
}

func TestAnyByteResetsTheHeartbeat(t *testing.T) {
	message := text("xyz")
	for name, sign := range map[string][]byte{
		"message": text("x"), "ping": peer(frame.Ping, true, ""), "pong": peer(frame.Pong, true, ""),
		"part of a frame": message[:1],
	} {
		r := openRig(t, Config{IdleTimeout: idle})
		r.advance(idle/2 - time.Millisecond)
		r.receive(sign)
		r.sent()
		r.advance(idle/2 - time.Millisecond)
		expect(t, name+": pings", r.pings(), 0)
		r.advance(time.Millisecond)
		expect(t, name+": pings", r.pings(), 1)
		expect(t, name+": closed", r.wire.closed, false)
	}
}

// A healthy peer that only answers pings is pinged for ever, whenever its pong
// comes, and however late the timers are.
func TestHealthyPeerIsNeverEnded(t *testing.T) {
	for _, late := range []time.Duration{0, time.Millisecond, 50 * time.Millisecond, 900 * time.Millisecond} {
		for _, delay := range []time.Duration{0, time.Millisecond, 49 * time.Millisecond, 2 * time.Second} {
			r := openRig(t, Config{IdleTimeout: idle})
			pings := 0
			var answer time.Duration
			for r.loop.Now < 150*time.Second && r.closed == 0 {
				r.loop.Now += 7 * time.Millisecond
				if r.due > 0 && r.due+late <= r.loop.Now {
					r.due = 0
					r.d.Expire()
				}
				if n := len(r.wire.output()); n > 0 && answer == 0 {
					pings += r.pings()
					answer = r.loop.Now + delay
				}
				if answer > 0 && answer <= r.loop.Now {
					answer = 0
					r.receive(peer(frame.Pong, true, ""))
				}
				late = late * 7919 % time.Second // as irregular as a busy machine
			}
			expect(t, "closed", r.closed, 0)
			if pings < 15 || pings > 30 {
				t.Errorf("%d pings in 15 idle timeouts", pings)
			}
		}
	}
}

// A loop that could not run for long gives the peer its time nevertheless.
func TestPeerIsNotEndedUnasked(t *testing.T) {
	r := openRig(t, Config{IdleTimeout: idle})
	r.loop.Now = 3 * idle
	r.due = 0
	r.d.Expire()
	expect(t, "closed", r.wire.closed, false)
	expect(t, "pings", r.pings(), 1)
	r.advance(idle/2 - time.Millisecond)
	r.d.Expire() // too early
	expect(t, "closed before it could answer", r.wire.closed, false)
	r.advance(time.Millisecond)
	expect(t, "closed at last", r.wire.closed, true)
}

// What is held back by this side is not the peer's silence.
func TestPeerThatIsNotReadIsNotSilent(t *testing.T) {
	gate, begun := make(chan bool), make(chan bool, 10)
	r := openRig(t, Config{IdleTimeout: idle, Dispatch: OnGoroutines, QueueMessages: 1, Handlers: Handlers{
		Message: func(*Conn, Message) { begun <- true; <-gate },
	}})
	r.receive(text("x"))
	<-begun
	r.turn()
	for range 9 {
		r.receive(text("x"))
	}
	expect(t, "read interest", r.read, false)
	r.advance(5*idle + idle/3)
	expect(t, "closed", r.wire.closed, false)
	close(gate)
	r.eventually("reading", func() bool { return r.read && len(r.wire.in) == 0 })
	r.advance(idle / 3)
	expect(t, "closed after the hold", r.wire.closed, false)
}

func TestPeerThatTakesBytesLives(t *testing.T) {
	r := openRig(t, Config{IdleTimeout: idle, MaxPending: 1000, Overflow: OverflowRefuse})
	r.drain(0)
	for r.c.SendText(strings.Repeat("x", 50)) == nil {
	}
	r.turn()
	expect(t, "read interest", r.read, false)
	for range 20 {
		r.advance(idle / 3)
		r.drain(10)
	}
	expect(t, "closed", r.wire.closed, false)
	r.advance(idle + idle/2)
	expect(t, "closed once it takes none", r.wire.closed, true)
}

func TestNoHeartbeat(t *testing.T) {
	r := openRig(t, Config{IdleTimeout: -1})
	r.d.Expire() // a timer from before the connection was open
	r.advance(1000 * time.Hour)
	expect(t, "pings", r.pings(), 0)
	expect(t, "closed", r.wire.closed, false)
	_ = r.c.Close(frame.NormalClosure, "")
	r.turn()
	r.advance(DefaultCloseTimeout)
	expect(t, "closed by the close timeout", r.wire.closed, true)
}

func TestHeartbeatOutlivesTheClocksWrap(t *testing.T) {
	r := newRig(t, Config{IdleTimeout: idle})
	r.loop.Now = 1<<32*time.Millisecond - idle/4
	r.d.Open(Opening{})
	r.advance(idle / 2)
	expect(t, "pings", r.pings(), 1)
	r.receive(peer(frame.Pong, true, ""))
	r.advance(idle/2 - time.Millisecond)
	expect(t, "pings", r.pings(), 0)
	expect(t, "closed", r.wire.closed, false)
}

// A peer whose sign of life has come, and was not read because the loop was kept from its
// work, is not silent; nor is one that has made room for what it is sent.
func TestALateTimerLooksBeforeItEndsAPeer(t *testing.T) {
	r := openRig(t, Config{IdleTimeout: idle})
	r.advance(idle / 2)
	expect(t, "pings", r.pings(), 1)
	r.loop.Now += idle
	r.wire.in = append(r.wire.in, peer(frame.Pong, true, "")...)
	r.d.Expire()
	expect(t, "closed", r.wire.closed, false)
	r.advance(idle/2 - time.Millisecond)
	expect(t, "pings", r.pings(), 0)
	r.advance(time.Millisecond)
	expect(t, "pings", r.pings(), 1)

	// Its Close frame is no reason to give it up either.
	r.loop.Now += idle
	r.wire.in = append(r.wire.in, peer(frame.Close, true, "\x03\xe8")...)
	r.d.Expire()
	expect(t, "err", r.info().Err, nil)
	expect(t, "clean", r.info().Clean(), true)

	r = openRig(t, Config{IdleTimeout: idle, WriteTimeout: -1, MaxPending: 1000, Overflow: OverflowRefuse})
	r.drain(0)
	for r.c.SendText(strings.Repeat("x", 50)) == nil {
	}
	r.turn()
	r.advance(idle / 2)
	r.wire.room = 10
	r.loop.Now += idle
	r.d.Expire()
	expect(t, "closed though it takes bytes", r.wire.closed, false)
	r.advance(2 * idle)
	expect(t, "closed once it takes none", r.wire.closed, true)
}

// However late the loop asks, the peer has half of the timeout to answer.
func TestPeerHasHalfOfTheTimeoutFromItsPingOn(t *testing.T) {
	for _, late := range []time.Duration{0, time.Millisecond, idle / 4, idle/2 - time.Millisecond, idle / 2, idle, 10 * idle} {
		r := openRig(t, Config{IdleTimeout: idle})
		r.loop.Now += idle/2 + late
		r.due = 0
		r.d.Expire()
		expect(t, "pings", r.pings(), 1)
		r.advance(idle/2 - time.Millisecond)
		expect(t, "closed before that", r.wire.closed, false)
		r.advance(time.Millisecond)
		expect(t, "closed after that", r.wire.closed, true)
	}
}

// Timeouts beyond what a stamp of milliseconds can tell end connections when they are over,
// and not before, whatever the process's age is.
func TestTimeoutsOfAnyLength(t *testing.T) {
	const day = 24 * time.Hour
	for _, age := range []time.Duration{0, 49*day + 17*time.Hour, 40000 * day} {
		for _, d := range []time.Duration{25 * day, 50 * day, 3650 * day, 60000 * day} {
			slack := d>>30 + time.Millisecond
			r := newRig(t, Config{IdleTimeout: d, PingInterval: -1})
			r.loop.Now = age
			r.d.Open(Opening{})
			r.wire.take()
			r.advance(d/2 - slack)
			expect(t, "pings before half", r.pings(), 0)
			r.advance(2 * slack)
			expect(t, "pings at half", r.pings(), 1)
			r.advance(d/2 - 3*slack)
			r.d.Expire()
			expect(t, "closed before the end", r.wire.closed, false)
			r.advance(4 * slack)
			expect(t, "closed at the end", r.wire.closed, true)

			r = newRig(t, Config{IdleTimeout: -1, CloseTimeout: d})
			r.loop.Now = age
			r.d.Open(Opening{})
			_ = r.c.Close(frame.NormalClosure, "")
			r.turn()
			r.advance(d - slack)
			r.d.Expire()
			expect(t, "cut before the close timeout", r.wire.closed, false)
			r.advance(2 * slack)
			expect(t, "cut at the close timeout", r.wire.closed, true)

			r = newRig(t, Config{IdleTimeout: -1, WriteTimeout: d})
			r.loop.Now = age
			r.d.Open(Opening{})
			r.drain(0)
			_ = r.c.SendText("x")
			r.turn()
			r.advance(d - time.Millisecond)
			r.d.Expire()
			expect(t, "cut before the write timeout", r.wire.closed, false)
			r.advance(time.Millisecond)
			expect(t, "cut at the write timeout", r.wire.closed, true)
		}
	}
}

// A peer is sent something each ping interval, whatever it sends meanwhile, and no ping
// while other frames reach it.
func TestPeerIsSentSomethingEachPingInterval(t *testing.T) {
	for _, age := range []time.Duration{0, 49*24*time.Hour + 17*time.Hour} {
		for _, interval := range []time.Duration{0, 10 * time.Millisecond, 7 * time.Second, 10 * time.Minute, 365 * 24 * time.Hour} {
			for _, talks := range []bool{false, true} {
				r := newRig(t, Config{PingInterval: interval, IdleTimeout: 1 << 62})
				r.loop.Now = age
				r.d.Open(Opening{Response: []byte("HTTP/1.1 101\r\n\r\n")})
				r.wire.take()
				if interval == 0 {
					interval = DefaultPingInterval
				}
				last, pings := r.loop.Now, 0
				for r.loop.Now < age+20*interval {
					r.advance(max(interval/1000, time.Millisecond))
					if talks {
						r.receive(text("x"))
					}
					if n := r.pings(); n > 0 {
						pings, last = pings+n, r.loop.Now
						if !talks {
							r.receive(peer(frame.Pong, true, ""))
						}
					}
					if since := r.loop.Now - last; since > interval {
						t.Fatalf("interval %v: nothing sent for %v", interval, since)
					}
				}
				if most := 20 + 20*3/64 + 1; pings < 20 || interval > time.Second && pings > most {
					t.Errorf("interval %v: %d pings in 20 of them", interval, pings)
				}
				for range 100 { // of a feed
					_ = r.c.SendText("x")
					r.turn()
					r.advance(interval / 50)
					r.receive(text("x"))
				}
				for i, f := range r.sent() {
					if f.op != frame.Text {
						t.Fatalf("interval %v: frame %d of a feed is %v", interval, i, f)
					}
				}
			}
		}
	}
}

// Without an idle timeout there are pings where they are asked for, and nobody is ended.
func TestPingsWithoutAnIdleTimeout(t *testing.T) {
	r := openRig(t, Config{IdleTimeout: -1, PingInterval: time.Second})
	r.advance(10 * time.Second)
	if n := r.pings(); n < 10 || n > 11 {
		t.Errorf("%d pings in 10 s", n)
	}
	expect(t, "closed", r.wire.closed, false)
	r = openRig(t, Config{PingInterval: -1})
	r.advance(DefaultIdleTimeout - time.Second)
	expect(t, "pings with none but half-way", r.pings(), 1)
}

// Frames that wait for the peer's socket stand for the ping.
func TestNoPingBehindWhatWaits(t *testing.T) {
	r := openRig(t, Config{WriteTimeout: -1, PingInterval: time.Second})
	r.drain(0)
	_ = r.c.SendText("x")
	r.turn()
	r.advance(20 * time.Second)
	r.drain(-1)
	got := r.sent()
	if len(got) != 1 || got[0].op != frame.Text {
		t.Errorf("sent %v", got)
	}
	r.advance(time.Second)
	expect(t, "pings", r.pings(), 1)
}
