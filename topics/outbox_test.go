package topics

import (
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
)

// The number of a message that the outbox lost is told to other nodes as soon as there is room, however long there was none.
func TestOutbox_TellsOfWhatItLost(t *testing.T) {
	l := &link{wake: make(chan struct{}, 1)}
	o := &l.outbox
	o.most = 400
	big := func() []byte { return bodyOf(conn.Message{Type: conn.Text, Payload: make([]byte, 200)}) }
	if _, ok := o.add(l, kindMessage, "other", History{}, big(), true); !ok {
		t.Fatal("the first one has no room")
	}
	n, ok := o.add(l, kindMessage, "room", History{Messages: 1}, big(), true)
	if ok {
		t.Fatal("the second one has room")
	}
	now := time.Now()
	for range 100 { // nothing leaves
		now = now.Add(time.Second)
		o.repeat(l, now)
	}
	o.remove(len(o.peek()), false, false)
	reported := false
	for range 2 {
		now = now.Add(repeats[len(repeats)-1])
		o.repeat(l, now)
		for _, p := range o.peek() {
			hd, _, err := readHeader(p.Data)
			reported = reported || p.Topic == "room" && err == nil && hd.kind == kindLast && hd.number == n
		}
	}
	if !reported {
		t.Error("nothing reports it")
	}
	for range 100 {
		o.remove(len(o.peek()), false, false)
		now = now.Add(time.Second)
		o.repeat(l, now)
	}
	expect(t, "series", len(o.topics), 0)
}

// Censuses take half of the outbox at most, so that they push out no message.
func TestOutbox_CensusesLeaveRoomForMessages(t *testing.T) {
	l := &link{wake: make(chan struct{}, 1)}
	o := &l.outbox
	o.most = 100_000
	for ok := true; ok; {
		_, ok = o.add(l, kindCensus, "a", History{}, body(100), false)
	}
	if o.bytes < o.most/2 || o.bytes > o.most/2+1000 {
		t.Errorf("%d of %d bytes are of censuses", o.bytes, o.most)
	}
	if _, ok := o.add(l, kindMessage, "a", History{}, body(100), false); !ok {
		t.Error("a message has no room")
	}
	o.peek()
}
