package conn

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/framerail/framerail/frame"
)

var policies = []Overflow{OverflowClose, OverflowRefuse, OverflowDropOldest, OverflowLatest}

// numbered is a message of 18 bytes, 20 with its header, that begins with i.
func numbered(i int) string { return fmt.Sprintf("%04d%s", i, strings.Repeat("x", 14)) }

// numbers takes what was sent and is the numbers that the messages in it begin with;
// control frames are "ping", "pong" and "close".
func (r *rig) numbers() string {
	r.t.Helper()
	var got []string
	for _, f := range r.sent() {
		switch f.op {
		case frame.Ping, frame.Pong, frame.Close:
			got = append(got, map[frame.Opcode]string{frame.Ping: "ping", frame.Pong: "pong", frame.Close: "close"}[f.op])
		default:
			n := strings.TrimLeft(f.payload[:min(4, len(f.payload))], "0")
			if !f.fin || f.op == frame.Continuation {
				n += "+"
			}
			got = append(got, n)
		}
	}
	return strings.Join(got, " ")
}

func expectDropped(t *testing.T, r *rig, messages, bytes int64) {
	t.Helper()
	gotMessages, gotBytes := r.c.Dropped()
	expect(t, "messages dropped", gotMessages, messages)
	expect(t, "bytes dropped", gotBytes, bytes)
}

// fullRig is a rig whose transport takes the handshake's response and n bytes more, with
// room for ten numbered messages, of which 1 to sent have been sent.
func fullRig(t *testing.T, cfg Config, n, sent int) *rig {
	t.Helper()
	cfg.MaxPending = 200
	r := openRig(t, cfg)
	r.drain(n)
	for i := range sent {
		expect(t, "Send", r.c.SendText(numbered(i+1)), nil)
		r.turn()
	}
	return r
}

func TestOverflowCloseSendsWhatIsPendingAndThen1013(t *testing.T) {
	both(t, func(t *testing.T, dispatch Dispatch) {
		r := fullRig(t, Config{Dispatch: dispatch, Handlers: Handlers{
			Message: func(*Conn, Message) { t.Error("message after the overflow") },
		}}, 10, 10)
		expect(t, "Send", r.c.SendText(numbered(11)), ErrPendingFull)
		expect(t, "state", r.c.State(), Closing)
		expect(t, "Send", r.c.SendText("x"), ErrClosed)
		r.turn()
		r.receive(text("too late"))
		r.drain(-1)
		want := r.sent()
		last := want[len(want)-1]
		if code, reason := last.closing(); code != frame.TryAgainLater || reason == "" {
			t.Errorf("closed with %v %q", code, reason)
		}
		expect(t, "frames", len(want), 11)
		r.receive(peerClose(frame.TryAgainLater, ""))
		info := r.info()
		expect(t, "unsent", info.Unsent, 0)
		expectInfo(t, info, CloseInfo{By: Local, Sent: frame.TryAgainLater, Received: frame.TryAgainLater,
			Reason: info.Reason, Err: ErrPendingFull})
	})
}

func TestOverflowCloseCutsThePeerThatNeverReads(t *testing.T) {
	r := fullRig(t, Config{}, 10, 10)
	_ = r.c.SendText(numbered(11))
	r.turn()
	r.advance(DefaultCloseTimeout)
	info := r.info()
	expect(t, "error", info.Err, ErrPendingFull)
	expect(t, "received", info.Received, frame.AbnormalClosure)
	if info.Unsent < 190 {
		t.Errorf("%d bytes unsent", info.Unsent)
	}
}

// From another goroutine as from a callback, on a connection that is held or not.
func TestOverflowCloseOfAHeldConnectionFindsThePeersClose(t *testing.T) {
	r := openRig(t, Config{MaxPending: 200, Handlers: Handlers{Message: func(c *Conn, m Message) { _ = c.Send(m.Type, m.Payload) }}})
	r.drain(0)
	for range 6 {
		r.receive(text(numbered(1)))
	}
	expect(t, "read interest", r.read, false)
	r.receive(peerClose(frame.NormalClosure, "")) // it stays in the transport
	for r.c.SendText(numbered(2)) == nil {
	}
	r.turn()
	expect(t, "read interest", r.read, true)
	r.poll()
	r.drain(-1)
	expect(t, "closed", r.wire.closed, true)
	expect(t, "received", r.info().Received, frame.NormalClosure)
}

// A message that could never be sent is the caller's fault, whatever the policy.
func TestMessageLargerThanTheBoundHurtsNobody(t *testing.T) {
	for _, policy := range policies {
		for _, sent := range []int{0, 9} {
			r := fullRig(t, Config{Overflow: policy}, 5, sent)
			expect(t, "Send", r.c.Send(Binary, make([]byte, 199)), ErrMessageTooLarge)
			expect(t, "SendKeyed", r.c.SendKeyed("key", Binary, make([]byte, 199)), ErrMessageTooLarge)
			expect(t, "state", r.c.State(), Open)
			expectDropped(t, r, 0, 0)
		}
	}
	r := fullRig(t, Config{Overflow: OverflowLatest}, 0, 0)
	expect(t, "SendKeyed", r.c.SendKeyed("key", Binary, make([]byte, 197-keyCost)), ErrMessageTooLarge)
	expect(t, "SendKeyed", r.c.SendKeyed("key", Binary, make([]byte, 196-keyCost)), nil)
}

func TestOverflowRefuseLeavesItToTheProgram(t *testing.T) {
	r := fullRig(t, Config{Overflow: OverflowRefuse}, 10, 10)
	expect(t, "Send", r.c.SendText(numbered(11)), ErrPendingFull)
	expect(t, "SendKeyed", r.c.SendKeyed("key", Text, []byte(numbered(12))), ErrPendingFull)
	expect(t, "state", r.c.State(), Open)
	r.drain(-1)
	expect(t, "sent", r.numbers(), "1 2 3 4 5 6 7 8 9 10")
	expectDropped(t, r, 0, 0)
}

func TestDropOldestKeepsWhatHasBegunAndTheOrder(t *testing.T) {
	drained := 0
	r := fullRig(t, Config{Overflow: OverflowDropOldest, Handlers: Handlers{Drained: func(c *Conn) {
		messages, _ := c.Dropped()
		expect(t, "messages dropped, when drained", messages, 5)
		drained++
	}}}, 45, 12) // 1 and 2 have left, and a quarter of 3
	expect(t, "pending", r.c.Pending(), 195)
	expectDropped(t, r, 0, 0)
	for i := range 5 {
		expect(t, "Send", r.c.SendText(numbered(13+i)), nil)
		expect(t, "pending", r.c.Pending(), 195)
		expectDropped(t, r, int64(i+1), int64(i+1)*20)
	}
	r.drain(-1)
	expect(t, "sent", r.numbers(), "1 2 3 9 10 11 12 13 14 15 16 17")
	expect(t, "drained", drained, 1)
	r.d.Abort(nil)
	expect(t, "dropped, at the end", r.info().Dropped, 5)
}

func TestDropOldestDropsAsManyAsItTakes(t *testing.T) {
	r := fullRig(t, Config{Overflow: OverflowDropOldest}, 5, 10)
	expect(t, "Send", r.c.SendText(strings.Repeat("8", 100)), nil)
	expectDropped(t, r, 5, 100)
	r.drain(-1)
	expect(t, "sent", r.numbers(), "1 7 8 9 10 8888")
}

// RFC 6455 5.5: control frames are no messages, and a peer must not look dead.
func TestDropOldestDropsNoControlFrames(t *testing.T) {
	r := openRig(t, Config{MaxPending: 200, Overflow: OverflowDropOldest})
	r.drain(5)
	for i := range 30 {
		expect(t, "Send", r.c.SendText(numbered(i+1)), nil)
		if i%3 == 0 {
			expect(t, "Ping", r.c.Ping([]byte("p")), nil)
		}
		r.turn()
	}
	r.drain(-1)
	expect(t, "sent", r.numbers(), "1 "+strings.Repeat("ping ", 8)+"24 25 ping 26 27 28 ping 29 30")
}

// What a Writer has begun is never dropped, nor what it has ended; messages before
// it and behind it are.
func TestDropOldestLeavesWritersAlone(t *testing.T) {
	r := fullRig(t, Config{Overflow: OverflowDropOldest}, 5, 3)
	w, _ := r.c.NewWriter(Text)
	_, _ = w.WriteString(numbered(4))
	expect(t, "Flush", w.Flush(), nil)
	for i := range 20 {
		expect(t, "Send behind", r.c.SendText(numbered(5+i)), nil)
		if r.c.Pending() > 200 || r.c.tx.behind.live() > 100 {
			t.Fatalf("%d bytes pending", r.c.Pending())
		}
	}
	_, _ = w.WriteString(numbered(99))
	expect(t, "Close", w.Close(), nil)
	for i := range 7 {
		expect(t, "Send", r.c.SendText(numbered(30+i)), nil)
	}
	r.turn()
	r.drain(-1)
	expect(t, "sent", r.numbers(), "1 4+ 99+ 30 31 32 33 34 35 36")
	expectDropped(t, r, 2+20, 22*20)
}

func TestDropOldestDropsNothingInVain(t *testing.T) {
	r := fullRig(t, Config{Overflow: OverflowDropOldest}, 5, 0)
	expect(t, "Send", r.c.SendText(strings.Repeat("1", 100)), nil)
	r.turn() // it has begun
	expect(t, "Send", r.c.SendText(numbered(2)), nil)
	expect(t, "Send", r.c.SendText(strings.Repeat("3", 150)), ErrPendingFull)
	expectDropped(t, r, 0, 0)
	expect(t, "state", r.c.State(), Open)
	r.drain(-1)
	expect(t, "sent", r.numbers(), "1111 2")
}

func TestLatestReplacesTheMessageOfItsKey(t *testing.T) {
	r := openRig(t, Config{MaxPending: 1000, Overflow: OverflowLatest})
	r.drain(5)
	send := func(key string, i int) {
		t.Helper()
		expect(t, "SendKeyed", r.c.SendKeyed(key, Text, []byte(numbered(i))), nil)
		r.turn()
	}
	send("a", 1) // begins to leave
	send("a", 2)
	send("b", 3)
	send("", 4)
	send("", 5)
	send("a", 6)
	send("b", 7)
	send("c", 8)
	send("a", 9)
	expect(t, "pending", r.c.Pending(), 15+5*20)
	expectDropped(t, r, 3, 60)
	r.drain(15 + 40 + 1) // 4, 5, and b begins
	send("b", 10)
	send("c", 11)
	r.drain(-1)
	expect(t, "sent", r.numbers(), "1 4 5 7 9 10 11")
	expectDropped(t, r, 4, 80)
	send("a", 12)
	expect(t, "sent", r.numbers(), "12")
}

// A peer that keeps up misses nothing, and one that falls behind is told the latest
// of what waited by then too.
func TestLatestDropsNothingBeforeTheSocketIsFull(t *testing.T) {
	r := openRig(t, Config{MaxPending: 1000, Overflow: OverflowLatest, Handlers: Handlers{Message: func(c *Conn, m Message) {
		for i := range 4 {
			_ = c.SendKeyed("a", Text, []byte(numbered(i+1)))
			_ = c.SendKeyed("b", Text, []byte(numbered(i+11)))
		}
	}}})
	r.receive(text("go"))
	expect(t, "sent", r.numbers(), "1 11 2 12 3 13 4 14")
	r.drain(25)
	r.receive(text("go"))
	_ = r.c.SendKeyed("a", Text, []byte(numbered(5)))
	r.drain(-1)
	expect(t, "sent", r.numbers(), "1 11 14 5")
	expectDropped(t, r, 5, 100)
}

func TestLatestReplacesWhatWaitsBehindAWriterAndBeforeIt(t *testing.T) {
	r := openRig(t, Config{MaxPending: 1000, Overflow: OverflowLatest})
	r.drain(5)
	send := func(key string, i int) {
		t.Helper()
		expect(t, "SendKeyed", r.c.SendKeyed(key, Text, []byte(numbered(i))), nil)
	}
	send("", 1)
	r.turn()
	send("a", 2)
	send("b", 3)
	w, _ := r.c.NewWriter(Text)
	_, _ = w.WriteString(numbered(4))
	_ = w.Flush()
	send("a", 5)
	send("c", 6)
	send("c", 7)
	expect(t, "Close", w.Close(), nil)
	send("a", 8)
	send("b", 9)
	r.turn()
	r.drain(-1)
	expect(t, "sent", r.numbers(), "1 4+ + 7 8 9")
	expectDropped(t, r, 4, 80)
}

// Keys take memory too.
func TestLatestBoundsKeysAndClosesBeyond(t *testing.T) {
	r := openRig(t, Config{MaxPending: 1000, Overflow: OverflowLatest})
	r.drain(0)
	n := 0
	for r.c.SendKeyed(fmt.Sprint(n), Text, nil) == nil {
		n++
	}
	expect(t, "keys", n, 1000/(2+keyCost))
	expect(t, "state", r.c.State(), Closing)
}

func TestSetOverflowIsForOneConnectionAndForWhatFollows(t *testing.T) {
	r := fullRig(t, Config{Overflow: OverflowRefuse}, 5, 10)
	r.c.SetOverflow(OverflowDropOldest)
	expect(t, "Send", r.c.SendText(numbered(11)), ErrPendingFull) // the ten were promised
	r.drain(45)
	expect(t, "Send", r.c.SendText(numbered(12)), nil)
	expect(t, "Send", r.c.SendText(numbered(13)), nil)
	expect(t, "Send", r.c.SendText(numbered(14)), nil)
	expectDropped(t, r, 1, 20)
	r.c.SetOverflow(OverflowLatest) // what was dropped is gone for good
	r.c.SetOverflow(OverflowRefuse)
	expect(t, "Send", r.c.SendText(numbered(15)), ErrPendingFull)
	r.drain(-1)
	expect(t, "sent", r.numbers(), "1 2 3 4 5 6 7 8 9 10 13 14")
	r.c.SetOverflow(99)
	r.drain(0)
	for r.c.SendText(numbered(1)) == nil {
	}
	expect(t, "state under an unknown policy", r.c.State(), Closing)
}

// A payload that goes past the queue is begun too.
func TestDropOldestSparesALargePayloadThatHasBegun(t *testing.T) {
	large := strings.Repeat("9", 2*directWrite)
	for taken, want := range map[int]string{
		0: "8888", 1: "1 8888", 19: "1 8888", 20: "1 8888", // the large one has not begun
		21: "1 9999", 25: "1 9999", 31: "1 9999",
	} {
		r := openRig(t, Config{MaxPending: 3 * directWrite, Overflow: OverflowDropOldest})
		expect(t, "Send", r.c.SendText(numbered(1)), nil)
		r.wire.room = taken
		expect(t, "Send", r.c.SendText(large), nil)
		r.turn()
		_ = r.c.SendText(strings.Repeat("8", directWrite))
		r.drain(-1)
		expect(t, fmt.Sprint("sent, with ", taken, " taken"), r.numbers(), want)
	}
}

// Under every policy control frames have their reserve, and a thousand pings from a
// peer that does not read grow nothing.
func TestPingsOfAPeerThatDoesNotReadGrowNothingUnderAnyPolicy(t *testing.T) {
	for _, policy := range policies {
		r := fullRig(t, Config{Overflow: policy}, 5, 10)
		expect(t, "pending", r.c.Pending(), 195)
		buffers, size := r.loop.Lent()
		for range 1000 {
			r.d.Writable() // for nothing
			r.wire.in = append(r.wire.in, peer(frame.Ping, true, "ping")...)
			r.d.Readable()
		}
		if n := r.c.Pending(); n > 200+controlReserve {
			t.Errorf("%v: %d bytes pending", policy, n)
		}
		if b, s := r.loop.Lent(); s > size+2*controlReserve {
			t.Errorf("%v: %d buffers of %d bytes, from %d of %d", policy, b, s, buffers, size)
		}
		expect(t, "state", r.c.State(), Open)
		expectDropped(t, r, 0, 0)
	}
}

func TestDroppingDoesNotAllocate(t *testing.T) {
	payload, keys := bytes.Repeat([]byte("x"), 100), make([]string, 50)
	for i := range keys {
		keys[i] = fmt.Sprint("key ", i)
	}
	for _, policy := range []Overflow{OverflowDropOldest, OverflowLatest} {
		r := openRig(t, Config{MaxPending: 64 << 10, Overflow: policy})
		r.wire.out.Grow(1 << 20)
		expectNoAllocs(t, func() {
			r.drain(50)
			for i := range 2000 {
				if err := r.c.SendKeyed(keys[i%len(keys)], Binary, payload); err != nil {
					t.Fatal(err)
				}
			}
			r.drain(30_000)
			r.drain(-1)
			r.wire.out.Reset()
		})
	}
}

// What is dropped before a control frame must not keep the reserve in use once that
// frame has left.
func TestDroppingGivesTheReserveOfControlFramesBackInTime(t *testing.T) {
	r := fullRig(t, Config{Overflow: OverflowDropOldest}, 5, 5)
	expect(t, "Ping", r.c.Ping(nil), nil)
	for i := range 10 {
		expect(t, "Send", r.c.SendText(numbered(6+i)), nil)
	}
	expect(t, "control bytes", r.c.tx.control, 2)
	r.drain(15 + 2) // the rest of 1, and the ping
	expect(t, "sent", r.c.tx.control, 0)
	r.drain(-1)
}
