package topics

import (
	"testing"
	"time"
)

// seconds has so many seconds pass. The broker refuses some topics then. It returns how often it was given the number of a topic, and how often it took
// that.
func seconds(o *outbox, l *link, now *time.Time, n int, topic string, refused ...string) (given, taken int) {
	for range n {
		o.passes(time.Second)
		for {
			first := o.peek()
			if len(first) == 0 {
				break
			}
			isLast := kindOf(first[0].Data) == kindLast && first[0].Topic == topic
			if isLast {
				given++
			}
			fails := len(refused) > 0 && refused[0] == first[0].Topic
			count := 1
			if fails {
				count = 0
			} else if isLast {
				taken++
			}
			o.batch = o.batch[:1]
			if _, more := o.remove(count, fails, false); !more {
				break
			}
		}
		*now = now.Add(time.Second)
		o.repeat(l, *now)
	}
	return given, taken
}

// What the broker refuses for long, at the end of a series, is lost. Its number is repeated until the broker takes it: other nodes hear of the loss then.
// It is given less and less often. Then the series ends.
func TestSeries_TellsOfWhatWasRefusedAtItsEnd(t *testing.T) {
	PauseFor(t, time.Second/10)
	o, l := filled("bad")
	now := time.Now()
	given, _ := seconds(o, l, &now, 60, "bad", "bad")
	expect(t, "lost", o.lost, 1)
	if given < 3 || given > 6 {
		t.Errorf("its number is given %d times", given)
	}
	expect(t, "series", len(o.topics), 1)
	_, taken := seconds(o, l, &now, 17, "bad")
	expect(t, "it is told", taken > 0, true)
	seconds(o, l, &now, 10, "bad")
	expect(t, "series", len(o.topics), 0)
	expect(t, "it waits", o.waits(), false)
}

// While a message waits its number is not repeated, and the series goes on. So what is lost after a long outage is told too.
func TestSeries_GoesOnWhileAMessageWaits(t *testing.T) {
	PauseFor(t, time.Second/10)
	o, l := filled("bad")
	now, before := time.Now(), o.bytes
	for range 100 { // there is no connection
		now = now.Add(time.Second)
		o.repeat(l, now)
	}
	expect(t, "bytes more", o.bytes-before, 0)
	seconds(o, l, &now, 10, "bad", "bad")
	expect(t, "lost", o.lost, 1)
	_, taken := seconds(o, l, &now, 20, "bad")
	expect(t, "it is told", taken > 0, true)
}

// A later message tells of what was lost too, and the series ends as any other.
func TestSeries_ALaterMessageTells(t *testing.T) {
	PauseFor(t, time.Second/10)
	o, l := filled("bad")
	now := time.Now()
	seconds(o, l, &now, 10, "bad", "bad")
	expect(t, "lost", o.lost, 1)
	n, _ := o.add(l, kindMessage, "bad", History{}, body(0), true)
	expect(t, "number", n, number{1, 2})
	_, taken := seconds(o, l, &now, 20, "bad")
	expect(t, "repetitions", taken, len(repeats))
	expect(t, "series", len(o.topics), 0)
}

// A number that was refused once waits apart: it holds up no other topic, and each time it is given once.
func TestSeries_ARefusedNumberHoldsUpNoOther(t *testing.T) {
	PauseFor(t, time.Second/10)
	o, l := filled("bad")
	now := time.Now()
	seconds(o, l, &now, 10, "bad", "bad")
	for range 20 {
		now = now.Add(time.Second)
		o.repeat(l, now)
	}
	expect(t, "numbers that wait apart", len(o.turns), 1)
	expect(t, "others", o.isEmpty(), true)
	give(o, "bad")
	expect(t, "bytes when it was given", o.bytes, 0)
	expect(t, "numbers that wait apart", len(o.turns), 0)
}

// A message that found no room is lost too. Its number is repeated until the broker takes it, also if it refuses that for long.
func TestSeries_TellsOfWhatFoundNoRoom(t *testing.T) {
	PauseFor(t, time.Second/10)
	o, l := filled("other")
	now := time.Now()
	o.most = o.bytes
	_, ok := o.add(l, kindMessage, "bad", History{}, body(0), true)
	expect(t, "it has room", ok, false)
	o.most = 1 << 20
	seconds(o, l, &now, 60, "bad", "bad")
	_, taken := seconds(o, l, &now, 17, "bad")
	expect(t, "it is told", taken > 0, true)
}
