package nats

import (
	"fmt"
	"slices"
	"testing"

	"github.com/framerail/framerail/topics"
)

// listener is a node that lists what it hears: messages by their topic, gaps with a "!".
type listener struct {
	heard   []string
	on, gap func()
}

func (l *listener) ID() string { return "" }
func (l *listener) Up()        {}

func (l *listener) Receive(p topics.Packet) {
	l.heard = append(l.heard, p.Topic)
	if l.on != nil {
		l.on()
	}
}

func (l *listener) Gap(topic string) {
	l.heard = append(l.heard, "!"+topic)
	if l.gap != nil {
		l.gap()
	}
}

func (q *inbox) putTopic(topic string, size int) {
	q.put(topics.Packet{Topic: topic, Data: make([]byte, size)})
}

func TestInbox_IsBoundedAndMarksGaps(t *testing.T) {
	var q inbox
	q.init(1000)
	q.putTopic("a", 5000) // one message fits always
	q.putTopic("b", 0)
	q.putTopic("b", 0)
	l := &listener{}
	l.on = func() {
		switch l.heard[len(l.heard)-1] {
		case "a":
			q.putTopic("c", 0) // the bytes of the first one are counted until Receive returns
		case "d":
			q.putTopic("e", 700)
			q.putTopic("f", 800)
			q.close()
		}
	}
	l.gap = func() {
		if l.heard[len(l.heard)-1] == "!c" {
			q.putTopic("d", 0)
		}
	}
	q.deliver(l)
	if want := []string{"a", "!b", "!c", "d", "e", "!f"}; !slices.Equal(l.heard, want) {
		t.Errorf("%q, want %q", l.heard, want)
	}
	if q.bytes != 0 {
		t.Errorf("%d bytes of nothing", q.bytes)
	}
}

func TestInbox_GapsOfSeveralTopicsBecomeOne(t *testing.T) {
	var q inbox
	q.init(1)
	for i := range 1000 {
		q.putTopic(fmt.Sprint(i), 0)
	}
	l := &listener{}
	q.close()
	q.deliver(l)
	if want := []string{"0", "!"}; !slices.Equal(l.heard, want) {
		t.Errorf("%q, want %q", l.heard, want)
	}
}

func TestInbox_DiscardEndsDelivery(t *testing.T) {
	var q inbox
	q.init(1 << 20)
	for range 100 {
		q.putTopic("a", 0)
	}
	l := &listener{on: q.discard}
	q.deliver(l)
	if len(l.heard) != 1 {
		t.Errorf("%d messages after the end", len(l.heard))
	}
}
