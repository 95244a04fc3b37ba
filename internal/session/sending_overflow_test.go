package session

import (
	"fmt"
	"strings"
	"testing"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/session/sendq"
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
	expect(t, "SendKeyed", r.c.SendKeyed("key", Binary, make([]byte, 197-sendq.KeyCost)), ErrMessageTooLarge)
	expect(t, "SendKeyed", r.c.SendKeyed("key", Binary, make([]byte, 196-sendq.KeyCost)), nil)
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
