package redis

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/framerail/framerail/topics"
)

// node is the part of Topics: what the Broker calls.
type node struct {
	t      testing.TB
	broker *Broker
	cancel context.CancelFunc
	up     chan struct{}
	ended  chan error
	block  chan struct{} // Receive waits for it to be closed, if it is not nil

	mu   sync.Mutex
	got  []topics.Packet
	late int // calls after Run has returned
	over bool
}

// run runs a Broker for a node until the test ends, and waits until it is connected.
func run(t testing.TB, b *Broker) *node {
	t.Helper()
	n := &node{t: t, broker: b}
	n.run()
	return n
}

func (n *node) run() {
	n.t.Helper()
	n.start()
	select {
	case <-n.up:
	case err := <-n.ended:
		n.t.Fatalf("Run returned %v", err)
	}
}

func (n *node) start() {
	ctx, cancel := context.WithCancel(context.Background())
	n.up, n.ended, n.over, n.cancel = make(chan struct{}), make(chan error, 1), false, cancel
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := n.broker.Run(ctx, n)
		n.mu.Lock()
		n.over = true
		n.mu.Unlock()
		n.ended <- err
	}()
	n.t.Cleanup(func() {
		cancel()
		<-done
		if n.late > 0 {
			n.t.Errorf("the node was called %d times when Run had returned", n.late)
		}
	})
}

// end waits until Run has returned, and gives its error.
func (n *node) end() error {
	n.t.Helper()
	var err error
	wait(n.t, "Run has returned", func() bool {
		select {
		case err = <-n.ended:
			return true
		default:
			return false
		}
	})
	return err
}

func (n *node) ID() string { return fmt.Sprintf("%p", n) }
func (n *node) Up()        { close(n.up) }
func (n *node) Gap(string) { n.t.Error("a gap without a reason") }

func (n *node) Receive(p topics.Packet) {
	if n.block != nil {
		<-n.block
	}
	p.Data = slices.Clone(p.Data)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.over {
		n.late++
	}
	n.got = append(n.got, p)
}

// received are the messages so far.
func (n *node) received() []topics.Packet {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.got)
}

// texts are their topics and data.
func (n *node) texts() (texts []string) {
	for _, p := range n.received() {
		texts = append(texts, p.Topic+" "+string(p.Data))
	}
	return texts
}

func (n *node) interest(on ...string) {
	n.t.Helper()
	if err := n.broker.Interest(n.t.Context(), on, nil); err != nil {
		n.t.Fatal(err)
	}
}

// publish publishes texts, of topics that keep nothing unless keep says so.
func (n *node) publish(topic string, keep topics.History, texts ...string) {
	n.t.Helper()
	var ms []topics.Packet
	for _, text := range texts {
		ms = append(ms, topics.Packet{Topic: topic, Data: []byte(text), Keep: keep})
	}
	if taken, err := n.broker.Publish(n.t.Context(), ms); taken != len(ms) || err != nil {
		n.t.Fatalf("%d of %d: %v", taken, len(ms), err)
	}
}

// since asks for what was missed, and gives the texts.
func (n *node) since(topic string, keep topics.History, since topics.Position) (texts []string, at topics.Position, err error) {
	n.t.Helper()
	missed, at, err := n.broker.Since(n.t.Context(), topic, keep, since, 1<<20)
	for i, p := range missed {
		texts = append(texts, string(p.Data))
		if p.Topic != topic || p.At.Epoch != at.Epoch || p.At.Offset != at.Offset-uint64(len(missed)-1-i) {
			n.t.Errorf("message %d of %d before %v: %+v", i, len(missed), at, p)
		}
	}
	return texts, at, err
}

// position is the present one.
func (n *node) position(topic string, keep topics.History) topics.Position {
	n.t.Helper()
	_, at, err := n.since(topic, keep, topics.Position{})
	if err != nil {
		n.t.Fatal(err)
	}
	return at
}

// expect waits until a node has received all of these, and no more.
func (n *node) expect(want ...string) {
	n.t.Helper()
	n.mark()
	if got := n.texts(); !slices.Equal(got, want) {
		n.t.Errorf("received %q, want %q", got, want)
	}
	n.mu.Lock()
	n.got = nil
	n.mu.Unlock()
}

// mark waits for a message of the node's own: what was published before has come by then.
func (n *node) mark() {
	n.t.Helper()
	const topic = "a.mark.of.the.test"
	n.interest(topic)
	n.publish(topic, topics.History{}, "mark")
	isMark := func(p topics.Packet) bool { return p.Topic == topic }
	wait(n.t, "the mark has come", func() bool { return slices.ContainsFunc(n.received(), isMark) })
	if err := n.broker.Interest(n.t.Context(), nil, []string{topic}); err != nil {
		n.t.Fatal(err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.got = slices.DeleteFunc(n.got, isMark)
}
