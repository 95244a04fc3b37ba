package brokertest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/topics"
)

// Cutter is a Broker whose connection a test can cut. [Run] then checks that its Run returns, and can be
// called again.
type Cutter interface {
	topics.Broker
	Cut()
}

// Run checks a Broker. broker returns a new node each time, and all nodes of one test are of one
// broker. If they are Recorders, that is checked too. If they are Cutters, they are cut, and if they are Refusers, they are to refuse. The
// names of topics begin with "brokertest.", and are new each time.
func Run(t *testing.T, broker func(t *testing.T) topics.Broker) {
	for name, test := range map[string]func(*testing.T, func(*testing.T) topics.Broker){
		"delivery":                 testDelivery,
		"order":                    testOrder,
		"interest is confirmed":    testInterest,
		"interest ends":            testInterestEnds,
		"patterns":                 testPatterns,
		"100,000 topics":           testManyTopics,
		"the end of the context":   testEnd,
		"a lost connection":        testCut,
		"positions":                testPositions,
		"since":                    testSince,
		"since is never a part":    testSinceTrimmed,
		"the last message":         testLast,
		"what is not recorded":     testNotRecorded,
		"since while others write": testSinceConcurrently,
		"a batch that is refused":  testRefused,
	} {
		t.Run(name, func(t *testing.T) { test(t, broker) })
	}
}

// patience is how long a condition may take.
const patience = time.Minute

// node is a node that notes what arrives.
type node struct {
	topics.Broker
	t    *testing.T
	id   string
	ctx  context.Context
	end  context.CancelFunc
	over chan error // what Run has returned

	mu       sync.Mutex
	ups      int
	received []topics.Packet
	changed  chan struct{}
}

// start starts a node, and waits until it is up.
func start(t *testing.T, b topics.Broker) *node {
	t.Helper()
	n := &node{Broker: b, t: t, id: fmt.Sprintf("%016x", rand.Uint64()), changed: make(chan struct{}, 1)}
	n.run()
	t.Cleanup(func() {
		n.end()
		if n.over != nil {
			n.stopped()
		}
	})
	return n
}

// run has the node's Run run, and waits until it is up.
func (n *node) run() {
	n.t.Helper()
	n.mu.Lock()
	ups := n.ups
	n.mu.Unlock()
	n.ctx, n.end = context.WithCancel(context.Background())
	n.over = make(chan error, 1)
	go func(ctx context.Context, over chan error) { over <- n.Run(ctx, n) }(n.ctx, n.over)
	n.await("Up", func() bool { return n.ups > ups })
}

// stopped waits until Run has returned.
func (n *node) stopped() error {
	n.t.Helper()
	over := n.over
	n.over = nil
	select {
	case err := <-over:
		return err
	case <-time.After(patience):
		n.t.Error("Run does not return")
		return nil
	}
}

func (n *node) note(f func()) {
	n.mu.Lock()
	f()
	n.mu.Unlock()
	select {
	case n.changed <- struct{}{}:
	default:
	}
}

// ID implements topics.Node.
func (n *node) ID() string { return n.id }

// Up implements topics.Node.
func (n *node) Up() { n.note(func() { n.ups++ }) }

// Gap implements topics.Node.
func (n *node) Gap(topic string) { n.t.Errorf("a gap of %q", topic) }

// Receive implements topics.Node.
func (n *node) Receive(p topics.Packet) {
	p.Data = bytes.Clone(p.Data)
	n.note(func() { n.received = append(n.received, p) })
}

// await waits until a condition is true, which is called with the lock held.
func (n *node) await(what string, is func() bool) {
	n.t.Helper()
	for deadline := time.After(patience); ; {
		n.mu.Lock()
		done := is()
		n.mu.Unlock()
		if done {
			return
		}
		select {
		case <-n.changed:
		case <-time.After(100 * time.Millisecond):
		case <-deadline:
			n.t.Fatalf("%s: this does not happen", what)
		}
	}
}

// interest begins and ends interest.
func (n *node) interest(on, off []string) {
	n.t.Helper()
	if err := n.Interest(n.ctx, on, off); err != nil {
		n.t.Fatalf("interest: %v", err)
	}
}

// publish publishes packets, all of which must be taken.
func (n *node) publish(ms ...topics.Packet) {
	n.t.Helper()
	if taken, err := n.Publish(n.ctx, ms); taken != len(ms) || err != nil {
		n.t.Fatalf("%d of %d messages are taken: %v", taken, len(ms), err)
	}
}

// of is the Data of what a node has received of a topic, without what came twice in a row.
func (n *node) of(topic string) (all []string) {
	for _, p := range n.received {
		if p.Topic == topic && (len(all) == 0 || all[len(all)-1] != string(p.Data)) {
			all = append(all, string(p.Data))
		}
	}
	return all
}

// expect waits until a node has received that of a topic, in that order.
func (n *node) expect(topic string, want ...string) {
	n.t.Helper()
	n.await(fmt.Sprintf("%d messages", len(want)), func() bool { return len(n.of(topic)) >= len(want) })
	n.mu.Lock()
	defer n.mu.Unlock()
	if got := n.of(topic); !slices.Equal(got, want) {
		n.t.Errorf("received %.200q, want %.200q", got, want)
	}
}

// fresh is a name that no other test has.
func fresh(name string) string { return fmt.Sprintf("brokertest.%x.%s", rand.Uint64(), name) }

func packet(topic, data string) topics.Packet { return topics.Packet{Topic: topic, Data: []byte(data)} }
