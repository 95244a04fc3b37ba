package topics_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/brokertest"
)

// A topic whose messages the broker refuses holds up no other, however many there are.
func TestAcross_ATopicThatIsRefusedHoldsUpNoOther(t *testing.T) {
	forBrokers(t, func(t *testing.T, memory *brokertest.Memory, add func(topics.History) *clusterNode) {
		var refused, before atomic.Int64 // calls, and how many of them before the first message of the other topic
		gate := make(chan struct{})
		memory.Refuse = func(p topics.Packet) error {
			if p.Topic != "forbidden" {
				before.CompareAndSwap(0, refused.Load())
				return nil
			}
			<-gate // until all is published
			refused.Add(1)
			return errors.New("no rights")
		}
		n, other := add(kept), add(kept)
		olga := other.member("room.1")
		n.awaitUp(0)
		for range 300 {
			n.say("forbidden", "x")
		}
		n.say("room.1", "1")
		close(gate)
		olga.expect("1")
		if before.Load() > 3 {
			t.Errorf("%d calls were refused before", before.Load())
		}
	})
}

// A broker that takes interest, and no message for a while, may not be ready: few messages are lost, and each one is delivered or counted.
func TestAcross_ABrokerThatIsNotReady(t *testing.T) {
	memory := new(brokertest.Memory)
	var refused atomic.Int64
	const calls, rooms, each = 60, 20, 10
	memory.Refuse = func(topics.Packet) error {
		if refused.Add(1) <= calls {
			return errors.New("not ready")
		}
		return nil
	}
	n, other := newNode(t, memory.Broker(), topics.History{}), newNode(t, memory.Broker(), topics.History{})
	other.OnGap = nil
	olga := other.dial()
	if _, err := other.Subscribe(olga.conn, "rooms.*"); err != nil {
		t.Fatal(err)
	}
	await(t, "interest", func() bool { return other.Listens("rooms.*") })
	for i := range rooms * each {
		n.say(fmt.Sprint("rooms.", i%rooms), "x")
	}
	await(t, "the broker has what it was given", n.IsIdle)
	lost := int(n.Stats().Broker.Lost)
	await(t, "all else is there", func() bool { olga.look(); return len(olga.read) == rooms*each-lost })
	if lost > calls/3 {
		t.Errorf("%d messages are lost", lost)
	}
}

// refusesSome is a Memory.Refuse that refuses one message in 20, for a while, and then none.
func refusesSome(seed uint64) func(topics.Packet) error {
	rnd, calls := rand.New(rand.NewPCG(seed, 10)), 0 // the Memory's lock guards them
	return func(topics.Packet) error {
		if calls++; calls/500%2 == 1 && rnd.IntN(20) == 0 {
			return errors.New("not now")
		}
		return nil
	}
}
