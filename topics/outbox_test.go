package topics

import (
	"fmt"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
)

// The number of a message that the outbox lost is told to other nodes as soon as there is room, however long there was none.
func TestOutbox_TellsOfWhatItLost(t *testing.T) {
	l := &link{wake: make(chan struct{}, 1)}
	o := &l.outbox
	o.most = 500
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

// turnsCome has the turns of all topics come that wait because the broker has refused them.
func (o *outbox) turnsCome() {
	for _, r := range o.turns {
		r.due = time.Time{}
	}
}

// A message whose confirmation was lost is sent again for as long as nodes that have it know its number. Then it is lost, and what the broker was never
// given is not.
func TestOutbox_GivesUpWhatMayHaveArrivedLongAgo(t *testing.T) {
	for _, absent := range []bool{false, true} {
		t.Run(fmt.Sprint("absent=", absent), func(t *testing.T) { givesUp(t, absent) })
	}
}

func givesUp(t *testing.T, absent bool) {
	l := &link{wake: make(chan struct{}, 1)}
	o := &l.outbox
	o.most = 10_000
	for range 3 {
		o.add(l, kindMessage, "a", History{Messages: 1}, body(0), true)
	}
	expect(t, "batch", len(o.peek()), 3)
	now := time.Now()
	o.remove(1, true, absent)
	o.add(l, kindMessage, "a", History{}, body(0), true)
	expect(t, "given up too early", len(o.giveUp(now.Add(numbersKept-time.Second))), 0)
	o.turnsCome()
	expect(t, "batch", len(o.peek()), 3)
	lost := o.giveUp(now.Add(numbersKept + time.Second))
	expect(t, "given up", len(lost), 2)
	for i, p := range lost {
		hd, _, err := readHeader(p.Data)
		if err != nil || hd.number != (number{1, uint64(i + 2)}) {
			t.Errorf("%+v is given up: %v", hd, err)
		}
	}
	expect(t, "lost", o.lost, 2)
	_, gone := o.marks()
	expect(t, "the last one waits", gone < 4 || o.has("a", 4), true)
	expect(t, "gone, or postponed", gone >= 3, true)
	expect(t, "batch", len(o.peek()), 1)
	o.remove(0, true, absent)
	expect(t, "given up before its time", len(o.giveUp(time.Now())), 0)
	o.turnsCome()
	o.peek()
	o.remove(1, false, false)
	expect(t, "given up", len(o.giveUp(now.Add(time.Hour))), 0)
	expect(t, "lost", o.lost, 2)
	expect(t, "bytes", o.bytes, 0)
}

// Censuses take half of the outbox at most, so that they push out no message.
func TestOutbox_CensusesLeaveRoomForMessages(t *testing.T) {
	l := &link{wake: make(chan struct{}, 1)}
	o := &l.outbox
	o.most = 100_000
	for ok := true; ok; {
		_, ok = o.add(l, kindCensus, "a", History{}, body(100), false)
	}
	if o.bytes < o.most/2-1000 || o.bytes > o.most/2 {
		t.Errorf("%d of %d bytes are of censuses", o.bytes, o.most)
	}
	if _, ok := o.add(l, kindMessage, "a", History{}, body(100), false); !ok {
		t.Error("a message has no room")
	}
	o.peek()
}
