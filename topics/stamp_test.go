package topics_test

import (
	"testing"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/brokertest"
)

// With a Recorder, Stamp gets each message once, with the position that members see. What cannot be sent is refused at once.
func TestStamp_GetsTheRecordersPosition(t *testing.T) {
	n := newNode(t, (&brokertest.Memory{Sparse: true}).Recorder(), kept)
	var stamped []topics.Position
	n.Stamp = func(topic string, at topics.Position, m conn.Message) conn.Message {
		stamped = append(stamped, at)
		return stamp(topic, at, m)
	}
	other, ann := n.member("room.2"), n.member("room.1")
	n.say("room.2", "elsewhere")
	other.expect("elsewhere")
	n.say("room.1", "1")
	ann.expect("1")
	if len(stamped) != 2 || stamped[0] != other.at || stamped[1] != ann.at {
		t.Errorf("stamped at %v, read at %v and %v", stamped, other.at, ann.at)
	}
	if _, err := n.Publish("room.1", conn.Message{Type: conn.Text, Payload: []byte{0xFF}}); err == nil {
		t.Error("a text that is no UTF-8 is published")
	}
}
