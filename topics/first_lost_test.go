package topics_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/brokertest"
)

// dropping is a memory that loses messages that begin with "dropped" on their way.
func dropping() *brokertest.Memory {
	return &brokertest.Memory{Drop: func(p topics.Packet, _ string) bool { return bytes.Contains(p.Data, []byte("dropped")) }}
}

// countGaps is an OnGap that counts.
func countGaps(n *int) func(*conn.Conn, string, topics.Position) {
	return func(*conn.Conn, string, topics.Position) { *n++ }
}

// A node that has listened for a while notices also that the first message of a publisher did not come, by the next one or by its number. So do
// members of a pattern.
func TestAcross_AFirstMessageThatIsMissingIsNoticed(t *testing.T) {
	for _, next := range []bool{true, false} {
		for _, name := range []string{"room.1", "room.*"} {
			t.Run(fmt.Sprint(name, " next=", next), func(t *testing.T) {
				t.Parallel()
				memory := dropping()
				a, b := newNode(t, memory.Broker(), topics.History{}), newNode(t, memory.Broker(), topics.History{})
				gaps := 0
				b.OnGap = countGaps(&gaps)
				bob := b.dial()
				if _, err := b.Subscribe(bob.conn, name); err != nil {
					t.Fatal(err)
				}
				await(t, "interest", func() bool { return b.Listens(name) })
				b.ListensFor(name, time.Minute)
				a.say("room.1", "dropped")
				if next {
					a.say("room.1", "2")
					bob.expect("2")
				}
				await(t, "a gap", func() bool { b.sim.Settle(); return gaps > 0 })
				a.say("room.1", "end")
				bob.expect("end")
				if s := b.Stats().Broker; gaps != 1 || s.Missed != 1 || s.Gaps != 1 {
					t.Errorf("%d gaps, %+v", gaps, s)
				}
			})
		}
	}
}

// A node that has just begun to listen takes publishers as they are: what they published before is not missing.
func TestAcross_ANewListenerMissesNothing(t *testing.T) {
	memory := new(brokertest.Memory)
	a, b := newNode(t, memory.Broker(), topics.History{}), newNode(t, memory.Broker(), topics.History{})
	for i := range 5 {
		a.say("room.1", fmt.Sprint("early.", i))
	}
	await(t, "the broker has them", a.IsIdle)
	bob := b.member("room.1")
	a.say("room.1", "1")
	bob.expect("1")
	b.ListensFor("room.1", time.Minute)
	a.say("room.1", "2")
	bob.expect("2")
	if s := b.Stats().Broker; len(b.gaps) != 0 || s.Missed != 0 || s.Gaps != 0 {
		t.Errorf("gaps %v, %+v", b.gaps, s)
	}
}

// The first message of a publisher is fetched from a Recorder, if it did not come and nothing comes behind it.
func TestAcross_AFirstMessageThatIsMissingIsFetched(t *testing.T) {
	t.Parallel()
	memory := dropping()
	a, b := newNode(t, memory.Recorder(), kept), newNode(t, memory.Recorder(), kept)
	bob := b.member("room.1")
	b.ListensFor("room.1", time.Minute)
	a.say("room.1", "dropped")
	bob.expect("dropped")
	if s := b.Stats().Broker; len(b.gaps) != 0 || s.Missed != 0 {
		t.Errorf("gaps %v, %+v", b.gaps, s)
	}
}
