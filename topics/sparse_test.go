package topics_test

import (
	"testing"

	"github.com/framerail/framerail/topics/brokertest"
)

// Where one sequence counts for all topics, as in JetStream, a topic moves on when others are published to. A client that comes back to
// a node that is new to the topic misses nothing, with the position of the last message or with one that it was answered.
func TestSparse_AQuietTopicMovesOnWithOthers(t *testing.T) {
	memory := &brokertest.Memory{Sparse: true}
	one := newNode(t, memory.Recorder(), kept)
	ann, elsewhere := one.member("room.1"), one.member("room.2")
	one.say("room.1", "1")
	ann.expect("1")
	one.say("room.2", "2")
	one.say("room.2", "3")
	elsewhere.expect("2 3")
	for _, of := range []*client{ann, elsewhere} {
		back := newNode(t, memory.Recorder(), kept).dial()
		at, err := back.since("room.1", of.at)
		if err != nil || at != elsewhere.at {
			t.Errorf("since %v: at %v, %v; want %v", of.at, at, err, elsewhere.at)
		}
		one.say("room.1", "4")
		ann.expect("4")
		back.expect("4")
		one.say("room.2", "5") // behind the last message of the other room
		elsewhere.expect("5")
	}
}
