package topics_test

import (
	"bytes"
	"context"
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
