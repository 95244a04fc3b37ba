package topics

import (
	"fmt"
	"testing"
	"time"
)

// A topic that the broker refuses has half of the outbox at most, so that others have room.
func TestPostponed_LeavesRoomForOthers(t *testing.T) {
	o, l := filled("bad", "a")
	give(o, "bad")
	for i := 0; i < 1<<20; i++ {
		if _, ok := o.add(l, kindMessage, "bad", History{}, body(100), false); !ok {
			break
		}
	}
	if o.bytes < o.most/2 || o.bytes > o.most/2+1000 {
		t.Errorf("%d of %d bytes are of a topic that is refused", o.bytes, o.most)
	}
	if _, ok := o.add(l, kindMessage, "a", History{}, body(100), false); !ok {
		t.Error("a message of another topic has no room")
	}
	expect(t, "taken", fmt.Sprint(give(o, "bad")), "[a2]")
}

// A topic that is refused, and published to all the time, leaves room for censuses of others. Both together leave room for messages.
func TestPostponed_LeavesRoomForCensuses(t *testing.T) {
	noTurn(t)
	o, l := filled("bad", "a")
	give(o, "bad")
	fill := func(kind kind, topic string) {
		for i := 0; i < 1<<20; i++ {
			if _, ok := o.add(l, kind, topic, History{}, body(100), false); !ok {
				break
			}
		}
	}
	fill(kindMessage, "bad")
	before := o.bytes
	fill(kindCensus, "a")
	if got := o.bytes - before; got < o.most/4-1000 || got > o.most/4+1000 {
		t.Errorf("%d of %d bytes are of censuses, want a quarter", got, o.most)
	}
	fill(kindMessage, "bad")
	before = o.bytes
	fill(kindMessage, "a")
	if got := o.bytes - before; got < o.most/4-2000 {
		t.Errorf("%d of %d bytes are of messages, want a quarter", got, o.most)
	}
	o.passes(time.Hour)
	for range 2 {
		give(o)
		o.turnsCome()
	}
	expect(t, "bytes of topics that are refused, when they are refused no more", o.apartBytes, 0)
	expect(t, "bytes", o.bytes, 0)
}

// What others have leaves a topic that is refused its half.
func TestPostponed_HasRoomBesideOthers(t *testing.T) {
	noTurn(t)
	o, l := filled("bad")
	give(o, "bad")
	o.add(l, kindMessage, "a", History{}, make([]byte, o.most*3/5), true)
	_, ok := o.add(l, kindMessage, "bad", History{}, body(100), false)
	expect(t, "it has room", ok, true)
}

// The last number of a topic that is refused takes no room while its messages wait, and is told when they do not.
func TestPostponed_TakesNoRoomForItsNumber(t *testing.T) {
	noTurn(t)
	o, l := filled("bad")
	give(o, "bad")
	before, now := o.bytes, time.Now()
	for range 20 {
		now = now.Add(repeats[0])
		o.repeat(l, now)
	}
	expect(t, "bytes more", o.bytes-before, 0)
	o.turnsCome()
	give(o)
	o.repeat(l, now.Add(repeats[0]))
	expect(t, "it is told", o.waits(), true)
}
