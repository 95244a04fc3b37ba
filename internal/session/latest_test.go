package session

import (
	"fmt"
	"strings"
	"testing"

	"github.com/framerail/framerail/internal/session/sendq"
)

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
	expect(t, "keys", n, 1000/(2+sendq.KeyCost))
	expect(t, "state", r.c.State(), Closing)
}

// What waits for a Writer takes half of the bound at most, with its keys: the Writer
// must always be able to go on.
func TestLatestLeavesAWriterItsHalf(t *testing.T) {
	r := openRig(t, Config{MaxPending: 1000, Overflow: OverflowLatest})
	r.drain(0)
	w, _ := r.c.NewWriter(Text)
	_, _ = w.WriteString("x")
	expect(t, "Flush", w.Flush(), nil)
	r.turn() // now it is full
	n := 0
	for ; n < 500/(2+sendq.KeyCost); n++ {
		expect(t, "SendKeyed", r.c.SendKeyed(fmt.Sprint(n), Text, nil), nil)
	}
	for i := range 10 {
		expect(t, "SendKeyed, again", r.c.SendKeyed(fmt.Sprint(i%n), Text, nil), nil)
	}
	_, err := w.WriteString(strings.Repeat("x", 240))
	expect(t, "Write", err, nil)
	expect(t, "Flush", w.Flush(), nil)
	expect(t, "SendKeyed beyond", r.c.SendKeyed("one more", Text, nil), ErrPendingFull)
	expect(t, "state", r.c.State(), Closing)
}

// What many keys took is not kept for the next connection.
func TestLatestGivesTheMemoryOfManyKeysBack(t *testing.T) {
	r := openRig(t, Config{Overflow: OverflowLatest})
	r.drain(0)
	const keys = 4096
	for i := range keys {
		expect(t, "SendKeyed", r.c.SendKeyed(fmt.Sprint(i), Text, nil), nil)
	}
	if _, n := r.loop.Lent(); n < keys*(2+32) {
		t.Errorf("%d bytes lent for %d keys", n, keys)
	}
	r.turn()
	r.drain(-1)
	_, n := r.loop.Lent()
	expect(t, "bytes lent at last", n, 0)
	_ = r.c.SendKeyed("key", Text, nil)
	if _, n = r.loop.Lent(); n > 4096 {
		t.Errorf("%d bytes lent for one key", n)
	}
}
