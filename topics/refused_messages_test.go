package topics_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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

// A broker that takes interest, and for a while no message, or none of some topics, may not be ready: nothing is lost.
func TestAcross_ABrokerThatIsNotReady(t *testing.T) {
	const rooms, each = 100, 15
	for name, refuses := range map[string]func(p topics.Packet) bool{
		"all":  func(topics.Packet) bool { return true },
		"some": func(p topics.Packet) bool { return p.Topic >= "rooms.3" },
	} {
		t.Run(name, func(t *testing.T) {
			memory := new(brokertest.Memory)
			var began time.Time
			refused := 0 // the Memory's lock guards both
			memory.Refuse = func(p topics.Packet) error {
				if !refuses(p) {
					return nil
				}
				if refused++; refused == 1 {
					began = time.Now()
				}
				if time.Since(began) < topics.RefusedFor()/2 {
					return errors.New("not ready")
				}
				return nil
			}
			n, other := newNode(t, memory.Broker(), topics.History{}), newNode(t, memory.Broker(), topics.History{})
			olga := other.dial()
			if _, err := other.Subscribe(olga.conn, "rooms.*"); err != nil {
				t.Fatal(err)
			}
			await(t, "interest", func() bool { return other.Listens("rooms.*") })
			for i := range rooms * each {
				n.say(fmt.Sprint("rooms.", i%rooms), "x")
			}
			await(t, "the broker has what it was given", n.IsIdle)
			if lost := n.Stats().Broker.Lost; lost != 0 {
				t.Fatalf("%d messages are lost", lost)
			}
			await(t, "all is there", func() bool { olga.look(); return len(olga.read) == rooms*each })
		})
	}
}

// A topic that is refused for ever loses what is published to it, and no other topic loses a thing.
func TestAcross_OnlyWhatIsRefusedIsLost(t *testing.T) {
	forBrokers(t, func(t *testing.T, memory *brokertest.Memory, add func(topics.History) *clusterNode) {
		memory.Refuse = func(p topics.Packet) error {
			if p.Topic == "forbidden" {
				return errors.New("no rights")
			}
			return nil
		}
		n, other := add(kept), add(kept)
		olga := other.member("room.1")
		n.awaitUp(0)
		const count = 20
		var all []string
		for i := range count {
			n.say("forbidden", "x")
			n.say("room.1", fmt.Sprint(i))
			all = append(all, fmt.Sprint(i))
		}
		olga.expect(strings.Join(all, " "))
		await(t, "nothing waits", n.IsIdle)
		if lost := n.Stats().Broker.Lost; lost != count {
			t.Errorf("%d messages are lost, want %d", lost, count)
		}
	})
}

// cutInPublish is a broker whose connection is cut in its first call of Publish.
type cutInPublish struct {
	ends
	calls atomic.Int32
}

func (b *cutInPublish) Publish(ctx context.Context, ms []topics.Packet) (taken int, err error) {
	if b.calls.Add(1) > 1 {
		return b.ends.Publish(ctx, ms)
	}
	b.Cut()
	<-ctx.Done()
	return 0, ctx.Err()
}

// A call that ends with the connection refuses no topic: all is given again in the order in which it was published.
func TestAcross_ALostConnectionRefusesNothing(t *testing.T) {
	memory := new(brokertest.Memory)
	var mu sync.Mutex
	var took []string
	memory.Refuse = func(p topics.Packet) error {
		mu.Lock()
		defer mu.Unlock()
		took = append(took, p.Topic)
		return nil
	}
	topics.PauseFor(t, 20*time.Millisecond)
	n := newNode(t, &cutInPublish{ends: memory.Broker()}, topics.History{})
	n.say("a", "1") // before the broker is up
	for _, topic := range []string{"b", "c", "a", "b"} {
		n.say(topic, "2")
	}
	await(t, "the broker has what it was given", func() bool { return n.Stats().Broker.Published >= 5 })
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(took, " "); got != "a b c a b" {
		t.Errorf("taken: %s", got)
	}
}

// After an outage, a Recorder that refuses what members heard meanwhile is asked about the topic before all of that is lost. What it takes late comes to
// no member twice.
func TestAcross_ARecorderThatRefusesIsAsked(t *testing.T) {
	memory := new(brokertest.Memory)
	var refuses atomic.Bool
	memory.Refuse = func(topics.Packet) error {
		if refuses.Load() {
			return errors.New("not now")
		}
		return nil
	}
	topics.PauseFor(t, 10*time.Millisecond)
	all := topics.History{Messages: 1000}
	n, other := newNode(t, memory.Recorder(), all), newNode(t, memory.Recorder(), all)
	ann, olga := n.member("room.1"), other.member("room.1")
	await(t, "a topic that misses nothing", func() bool { return n.Misses("room.1") == 0 })
	memory.SetDown(true)
	await(t, "an outage", func() bool { return n.Away("room.1") && other.Away("room.1") })
	refuses.Store(true)
	var said []string
	for i := range 300 {
		said = append(said, fmt.Sprint(i))
		n.say("room.1", said[i])
	}
	ann.expect(strings.Join(said, " "))
	memory.SetDown(false)
	n.awaitUp(1)
	await(t, "the other node is where the Recorder is", func() bool { return !other.Away("room.1") })
	if _, err := n.dial().since("room.1", topics.Position{}); err != nil {
		t.Fatal(err)
	}
	if n.IsIdle() {
		t.Error("the Recorder is asked when all is lost")
	}
	refuses.Store(false)
	await(t, "the Recorder takes the rest", func() bool { olga.look(); return slices.Contains(olga.read, said[len(said)-1]) })
	olga.read = nil
	other.say("room.1", "end")
	olga.expect("end")
	ann.expect("end")
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
