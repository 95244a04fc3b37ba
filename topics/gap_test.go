package topics_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/brokertest"
)

// slowRecorder keeps its answers for a while.
type slowRecorder struct {
	brokertest.RecordingNode
	node   atomic.Value // a topics.Node
	slow   atomic.Bool
	asked  chan struct{} // it has an answer
	answer chan struct{} // it gives it
}

func (r *slowRecorder) Run(ctx context.Context, n topics.Node) error {
	r.node.Store(n)
	return r.RecordingNode.Run(ctx, n)
}

func (r *slowRecorder) gap() { r.node.Load().(topics.Node).Gap("room.1") }

func (r *slowRecorder) Since(ctx context.Context, topic string, keep topics.History, since topics.Position, most int) ([]topics.Packet, topics.Position, error) {
	missed, at, err := r.RecordingNode.Since(ctx, topic, keep, since, most)
	if r.slow.Swap(false) {
		r.asked <- struct{}{}
		<-r.answer
	}
	return missed, at, err
}

// Named regression: a gap that is noticed while the Recorder answers about another one is a gap still. Nothing else tells the
// node, because it has not heard of the publisher.
func TestRegression_AGapWhileTheRecorderAnswers(t *testing.T) {
	memory := new(brokertest.Memory)
	r := &slowRecorder{RecordingNode: memory.Recorder(), asked: make(chan struct{}), answer: make(chan struct{})}
	memory.Drop = func(p topics.Packet, node string) bool {
		return node == r.node.Load().(topics.Node).ID() && bytes.Contains(p.Data, []byte("dropped"))
	}
	a, b, c := newNode(t, memory.Recorder(), kept), newNode(t, r, kept), newNode(t, memory.Recorder(), kept)
	ann, bob := a.member("room.1"), b.member("room.1")
	a.say("room.1", "1")
	ann.expect("1")
	bob.expect("1")
	r.slow.Store(true)
	r.gap()
	<-r.asked
	c.say("room.1", "dropped")
	ann.expect("dropped")
	r.gap()
	r.answer <- struct{}{}
	bob.expect("dropped")
}

// forgetfulRecorder takes a message, and fails. When it is given it once more, it waits.
type forgetfulRecorder struct {
	brokertest.RecordingNode
	calls atomic.Int32
	again chan struct{}
}

func (r *forgetfulRecorder) Publish(ctx context.Context, ms []topics.Packet) (int, error) {
	switch r.calls.Add(1) {
	case 1:
		_, _ = r.RecordingNode.Publish(ctx, ms)
		return 0, errors.New("the answer is lost")
	case 2:
		<-r.again
	}
	return r.RecordingNode.Publish(ctx, ms)
}

// Named regression: a message that was taken, and is sent again because its publisher does not know that, comes once to a client that has gone to a
// node that has only read of it.
func TestRegression_ACopyAtANewNode(t *testing.T) {
	memory := new(brokertest.Memory)
	r := &forgetfulRecorder{RecordingNode: memory.Recorder(), again: make(chan struct{})}
	a, b, c := newNode(t, r, kept), newNode(t, memory.Recorder(), kept), newNode(t, memory.Recorder(), kept)
	bob := b.member("room.1")
	_ = a.member("room.1")
	a.say("room.1", "1")
	bob.expect("1")
	_ = c.member("room.1")
	back := c.dial()
	if _, err := back.since("room.1", bob.at); err != nil {
		t.Fatal(err)
	}
	r.again <- struct{}{}
	b.say("room.1", "2")
	a.say("room.1", "3")
	back.expect(strings.Join(readOf(bob, 2), " "))
}

// readOf is what a client reads next, which is so many messages.
func readOf(c *client, n int) []string {
	await(c.node.t, "messages", func() bool { c.look(); return len(c.read) >= n })
	return c.read
}

// After a gap of which the Recorder has only the last message, newcomers get that one, and not what was the last before.
func TestGap_NewcomersGetTheLastMessage(t *testing.T) {
	memory := new(brokertest.Memory)
	r := &slowRecorder{RecordingNode: memory.Recorder()}
	memory.Drop = func(p topics.Packet, node string) bool {
		return node == r.node.Load().(topics.Node).ID() && bytes.Contains(p.Data, []byte("dropped"))
	}
	last := topics.History{Last: true}
	a, b := newNode(t, memory.Recorder(), last), newNode(t, r, last)
	ann, bob := a.member("room.1"), b.member("room.1")
	a.say("room.1", "1")
	ann.expect("1")
	bob.expect("1")
	a.say("room.1", "dropped.2")
	a.say("room.1", "dropped.3")
	ann.expect("dropped.2 dropped.3")
	r.gap()
	await(t, "a gap", func() bool { b.sim.Settle(); return len(b.gaps) > 0 })
	b.member("room.1").expect("dropped.3")
	a.say("room.1", "4")
	bob.expect("4")
	b.member("room.1").expect("4")
	if len(b.gaps) != 1 || b.gaps[0].Offset+1 != bob.at.Offset {
		t.Errorf("gaps at %v, and then a message at %v", b.gaps, bob.at)
	}
}

// Members of a pattern get a message once that is held for a topic of their node, although it comes for the topic and for the pattern.
func TestGap_PatternsGetWhatIsHeldOnce(t *testing.T) {
	memory := new(brokertest.Memory)
	r := &slowRecorder{RecordingNode: memory.Recorder(), asked: make(chan struct{}), answer: make(chan struct{})}
	a, b := newNode(t, memory.Recorder(), kept), newNode(t, r, kept)
	b.OnGap = nil
	bob, wild := b.member("room.1"), b.dial()
	if _, err := b.Subscribe(wild.conn, "room.*"); err != nil {
		t.Fatal(err)
	}
	b.member("mark") // the broker has confirmed the pattern too
	a.say("room.1", "1")
	bob.expect("1")
	wild.expect("1")
	await(t, "a topic that misses nothing", func() bool { return b.Misses("room.1") == 0 })
	r.slow.Store(true)
	r.gap()
	<-r.asked
	received := b.Stats().Broker.Received
	a.say("room.1", "2")
	await(t, "both copies", func() bool { return b.Stats().Broker.Received >= received+2 })
	r.answer <- struct{}{}
	bob.expect("2")
	wild.expect("2")
	a.say("room.1", "3")
	bob.expect("3")
	wild.expect("3")
}
