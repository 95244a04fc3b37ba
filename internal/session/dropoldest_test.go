package session

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

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
		if r.c.Pending() > 200 || r.c.tx.writer.behind.Len() > 100 {
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
	expect(t, "control bytes", r.c.tx.main.Control(), 2)
	r.drain(15 + 2) // the rest of 1, and the ping
	expect(t, "sent", r.c.tx.main.Control(), 0)
	r.drain(-1)
}

// What waits when the policy is set was promised, behind a Writer too.
func TestDropOldestKeepsWhatWaitedForAWriterBefore(t *testing.T) {
	r := fullRig(t, Config{Overflow: OverflowRefuse}, 0, 0)
	w, _ := r.c.NewWriter(Text)
	for i := range 4 {
		expect(t, "Send behind", r.c.SendText(numbered(i+1)), nil)
	}
	r.c.SetOverflow(OverflowDropOldest)
	expect(t, "Send behind", r.c.SendText(numbered(5)), nil)
	_, _ = w.WriteString(numbered(99))
	expect(t, "Close", w.Close(), nil)
	r.turn()
	for i := range 10 {
		expect(t, "Send", r.c.SendText(numbered(6+i)), nil)
	}
	expectDropped(t, r, 7, 140)
	r.drain(-1)
	expect(t, "sent", r.numbers(), "99+ + 1 2 3 4 12 13 14 15")
}

// Nor is what a Writer wrote dropped if it all fits in one frame.
func TestDropOldestLeavesAShortMessageOfAWriterAlone(t *testing.T) {
	r := fullRig(t, Config{Overflow: OverflowDropOldest}, 5, 2)
	w, _ := r.c.NewWriter(Text)
	_, _ = w.WriteString(numbered(3))
	expect(t, "Close", w.Close(), nil)
	for i := range 20 {
		expect(t, "Send", r.c.SendText(numbered(4+i)), nil)
	}
	r.drain(-1)
	expect(t, "sent", r.numbers(), "1 3+ + 16 17 18 19 20 21 22 23")
}
