package topics

import (
	"fmt"
	"testing"
	"time"
)

// verdictOf is what a heard says of a number, with how many messages did not come before it.
func verdictOf(h *heard, topic string, node uint64, n number, again bool) string {
	v, lost := h.hear(topic, node, n, again)
	name := [...]string{fresh: "fresh", missing: "missing", old: "old", unheard: "unheard"}[v]
	if v == missing || v == unheard {
		name = fmt.Sprint(name, " ", lost)
	}
	return name
}

// What is heard of publishers leaves the numbers of today when they are silent.
func TestHeard_ForgetsSilentPublishers(t *testing.T) {
	var h heard
	now := time.Unix(1e9, 0)
	h.tick(now)
	expect(t, "first", verdictOf(&h, "a", 1, number{1, 5}, false), "unheard 4")
	h.tick(now.Add(61 * time.Second))
	expect(t, "a gap", verdictOf(&h, "a", 1, number{1, 7}, false), "missing 1")
	expect(t, "the last, again", verdictOf(&h, "a", 1, number{1, 7}, true), "old")
	expect(t, "a last that did not come", verdictOf(&h, "a", 1, number{1, 8}, true), "missing 1")
	expect(t, "the first of a series", verdictOf(&h, "a", 1, number{2, 1}, false), "fresh")
	expect(t, "the second of a series", verdictOf(&h, "a", 1, number{3, 2}, false), "missing 1")
	expect(t, "a last of a series of which nothing came", verdictOf(&h, "a", 1, number{4, 3}, true), "missing 3")
	h.forget("a")
	expect(t, "the first again", verdictOf(&h, "a", 1, number{4, 99}, false), "unheard 95")
	h.tick(now.Add(130 * time.Second))
	h.tick(now.Add(200 * time.Second))
	expect(t, "places", len(h.now)+len(h.before), 0)
}

// A message that is sent again, because its publisher's connection broke, comes once, also over a connection
// of the receiver's that is new.
func TestHeard_KnowsWhatWasBeforeANewConnection(t *testing.T) {
	var h heard
	now := time.Unix(1e9, 0)
	h.tick(now)
	h.hear("a", 1, number{1, 5}, false)
	h.hear("b", 1, number{2, 1}, false)
	h.tick(now.Add(61 * time.Second))
	h.hear("a", 1, number{1, 6}, false)
	for range 2 {
		h.clear()
		expect(t, "sent again", verdictOf(&h, "a", 1, number{1, 6}, false), "old")
		expect(t, "sent again, of a topic in which nothing was", verdictOf(&h, "b", 1, number{2, 1}, false), "old")
		expect(t, "the last, again", verdictOf(&h, "a", 1, number{1, 6}, true), "old")
	}
	expect(t, "behind what did not come", verdictOf(&h, "a", 1, number{1, 9}, false), "unheard 2")
	h.forget("a")
	expect(t, "sent again, to a new interest", verdictOf(&h, "a", 1, number{1, 9}, false), "old")
	expect(t, "the next one", verdictOf(&h, "a", 1, number{1, 10}, false), "fresh")
	expect(t, "another node's", verdictOf(&h, "a", 2, number{1, 9}, false), "unheard 8")
	expect(t, "another topic's", verdictOf(&h, "c", 1, number{1, 9}, true), "unheard 9")
	expect(t, "a first one", verdictOf(&h, "d", 1, number{1, 1}, false), "fresh")
	h.tick(now.Add(11 * time.Minute))
	expect(t, "a while later", verdictOf(&h, "a", 1, number{1, 9}, false), "old")
	for minutes := 12; minutes < 40; minutes++ {
		h.tick(now.Add(time.Duration(minutes) * time.Minute))
	}
	expect(t, "topics", len(h.over)+len(h.overBefore), 0)
}

// A message that is sent again after minutes in which its publisher was cut off comes once: its number is known for as long as an outbox sends
// it again.
func TestHeard_KnowsNumbersForAsLongAsTheyAreSentAgain(t *testing.T) {
	start := time.Unix(1e9, 0)
	for begin := range 13 { // the message comes at any time between two rotations
		var h heard
		second := func(n int) { h.tick(start.Add(time.Duration(n) * time.Second)) }
		at := begin * 60
		for n := range at {
			second(n)
		}
		h.hear("a", 1, number{1, 1}, false)
		for n := at; n <= at+int(numbersKept/time.Second); n++ {
			second(n)
		}
		expect(t, fmt.Sprint("sent again, first sent after ", at, " s"), verdictOf(&h, "a", 1, number{1, 1}, false), "old")
	}
}

// What is known of silent publishers is bounded.
func TestHeard_IsBounded(t *testing.T) {
	var s numbers
	for i := range maxOver + 10 {
		s.add(fmt.Sprint(i), map[uint64]number{1: {1, 1}})
	}
	expect(t, "topics", len(s), maxOver)
	expect(t, "the last one is there", s[fmt.Sprint(maxOver+9)][1], number{1, 1})
	var h heard
	for node := range uint64(maxHeardNodes) {
		h.hear("a", node, number{1, 1}, false)
	}
	expect(t, "a node that others may have pushed out", verdictOf(&h, "a", 1<<20, number{1, 7}, false), "fresh")
}
