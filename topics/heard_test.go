package topics

import (
	"fmt"
	"testing"
	"time"
)

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
		expect(t, fmt.Sprint("sent again, first sent after ", at, " s"), h.hear("a", 1, number{1, 1}, false), old)
	}
}

// What is known of silent publishers is bounded.
func TestHeard_IsBounded(t *testing.T) {
	var s numbers
	for i := range maxOver + 10 {
		s.add(fmt.Sprint(i), map[uint64]number{1: {1, 1}})
	}
	expect(t, "topics", len(s), maxOver)
	expect(t, "the last one is there", s.has(fmt.Sprint(maxOver+9), 1, number{1, 1}), true)
}
