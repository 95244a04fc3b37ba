package embedded_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/topics"
)

// node is a process's Topics that only writes down what it hears.
type node struct {
	t      testing.TB
	broker topics.Broker
	id     string
	slow   chan struct{} // if not nil, Receive waits for it

	mu       sync.Mutex
	ups      int
	received []topics.Packet
	gaps     []string

	cancel context.CancelFunc
	ended  chan error
}

func newNode(t testing.TB, b topics.Broker) *node {
	n := &node{t: t, broker: b, id: fmt.Sprintf("%s-%p", t.Name(), b)}
	t.Cleanup(n.stop)
	return n
}

// run runs the broker until it ends.
func (n *node) run() {
	n.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	n.mu.Lock()
	ups := n.ups
	n.mu.Unlock()
	n.cancel, n.ended = cancel, make(chan error, 1)
	go func() { n.ended <- n.broker.Run(ctx, n) }()
	for end := time.Now().Add(long); ; time.Sleep(5 * time.Millisecond) {
		n.mu.Lock()
		up := n.ups > ups
		n.mu.Unlock()
		if up {
			return
		}
		select {
		case err := <-n.ended:
			n.t.Fatal("Run has ended: ", err)
		default:
			if time.Now().After(end) {
				n.t.Fatal("the node is never up")
			}
		}
	}
}

func up(t testing.TB, b topics.Broker) *node {
	t.Helper()
	n := newNode(t, b)
	n.run()
	return n
}

func (n *node) stop() {
	if n.cancel != nil {
		n.cancel()
		<-n.ended
		n.cancel = nil
	}
}

// over waits for the end of Run, and returns the reason.
func (n *node) over() error {
	n.t.Helper()
	select {
	case err := <-n.ended:
		n.cancel()
		n.cancel = nil
		return err
	case <-time.After(long):
		n.t.Fatal("Run does not end")
		return nil
	}
}

func (n *node) ID() string { return n.id }

func (n *node) Up() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ups++
}

func (n *node) Receive(p topics.Packet) {
	if n.slow != nil {
		<-n.slow
	}
	p.Data = append([]byte(nil), p.Data...)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.received = append(n.received, p)
}

func (n *node) Gap(topic string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.gaps = append(n.gaps, topic)
}

// got is what was received of a topic, or of all.
func (n *node) got(topic string) (ps []topics.Packet) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.received {
		if topic == "" || p.Topic == topic {
			ps = append(ps, p)
		}
	}
	return ps
}

// text is what they say.
func text(ps []topics.Packet) string {
	var all []string
	for _, p := range ps {
		all = append(all, string(p.Data))
	}
	return strings.Join(all, " ")
}

// hears waits until the node has received just that of a topic.
func (n *node) hears(topic, want string) {
	n.t.Helper()
	for end := time.Now().Add(long); ; time.Sleep(5 * time.Millisecond) {
		got := text(n.got(topic))
		if got == want {
			return
		}
		if time.Now().After(end) || len(got) > len(want) {
			n.t.Fatalf("%s: received %q, want %q", topic, got, want)
		}
	}
}

func (n *node) interest(on ...string) {
	n.t.Helper()
	if err := n.broker.Interest(context.Background(), on, nil); err != nil {
		n.t.Fatal(err)
	}
}

// publish publishes messages to a topic.
func (n *node) publish(topic string, keep topics.History, messages ...string) {
	n.t.Helper()
	var ms []topics.Packet
	for _, m := range messages {
		ms = append(ms, topics.Packet{Topic: topic, Data: []byte(m), Keep: keep})
	}
	if taken, err := n.broker.Publish(context.Background(), ms); err != nil || taken != len(ms) {
		n.t.Fatalf("%d of %d taken: %v", taken, len(ms), err)
	}
}

const muchRoom = 1 << 20

// since asks for what is behind a position.
func (n *node) since(topic string, keep topics.History, at topics.Position) (string, topics.Position, error) {
	n.t.Helper()
	ps, at, err := n.broker.(topics.Recorder).Since(context.Background(), topic, keep, at, muchRoom)
	return text(ps), at, err
}

// position is the present one of a topic.
func (n *node) position(topic string) topics.Position {
	n.t.Helper()
	_, at, err := n.since(topic, topics.History{}, topics.Position{})
	if err != nil || at == (topics.Position{}) {
		n.t.Fatal(at, err)
	}
	return at
}
