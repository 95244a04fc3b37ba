package topics_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/brokertest"
)

// gatedBroker refuses batches with a forbidden topic, of which it has ended what was to end. Calls wait for the test.
type gatedBroker struct {
	*brokertest.Node
	gated  atomic.Bool
	called chan struct{} // gets one for each call while gated is set
	open   chan struct{} // lets one go on
}

func (b *gatedBroker) Interest(ctx context.Context, on, off []string) error {
	if b.gated.Load() {
		b.called <- struct{}{}
		<-b.open
	}
	if i := slices.IndexFunc(on, func(name string) bool { return strings.HasPrefix(name, "forbidden.") }); i >= 0 {
		_ = b.Node.Interest(ctx, nil, off)
		return errors.New("no rights")
	}
	return b.Node.Interest(ctx, on, off)
}

// Named regression: a topic that was to end in a batch that failed may have ended. If it has members again by then, the broker is
// asked for it again, and they miss nothing.
func TestRegression_ATopicOfARefusedBatchComesBack(t *testing.T) {
	for _, name := range []string{"room.1", "room.*"} {
		t.Run(name, func(t *testing.T) {
			memory := new(brokertest.Memory)
			b := &gatedBroker{Node: memory.Broker(), called: make(chan struct{}), open: make(chan struct{})}
			n, other := newNode(t, b, topics.History{}), newNode(t, memory.Broker(), topics.History{})
			n.OnGap = nil
			ann := n.dial()
			subscribe := func(names ...string) {
				t.Helper()
				for _, name := range names {
					if _, err := n.Subscribe(ann.conn, name); err != nil {
						t.Fatal(err)
					}
				}
			}
			subscribe(name)
			n.member("mark") // the broker has confirmed it
			b.gated.Store(true)
			subscribe("held")
			<-b.called
			if err := n.Unsubscribe(ann.conn, name); err != nil {
				t.Fatal(err)
			}
			subscribe("forbidden.1")
			b.open <- struct{}{}
			<-b.called // with both
			subscribe(name)
			b.gated.Store(false)
			b.open <- struct{}{}
			n.member("mark.2") // so is this, in the same call or a later one
			other.say("room.1", "x")
			ann.expect("x")
		})
	}
}
