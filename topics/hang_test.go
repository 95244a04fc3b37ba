package topics_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/brokertest"
)

// hangingNode is a node's end that may hang: calls of it do not return, and nothing arrives.
type hangingNode struct {
	brokertest.RecordingNode

	mu   sync.Mutex
	late bool          // guarded by mu: a message that is published is taken first
	open chan struct{} // guarded by mu: closed when it hangs no longer; nil: it does not hang
}

// hang has it hang.
func (n *hangingNode) hang(late bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.late = late; n.open == nil {
		n.open = make(chan struct{})
	}
}

// goOn has it go on.
func (n *hangingNode) goOn() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.open != nil {
		close(n.open)
		n.open = nil
	}
}

// wait waits while it hangs.
func (n *hangingNode) wait(ctx context.Context) error {
	n.mu.Lock()
	open := n.open
	n.mu.Unlock()
	if open == nil {
		return nil
	}
	select {
	case <-open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (n *hangingNode) isLate() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.late
}

func (n *hangingNode) Run(ctx context.Context, node topics.Node) error {
	return n.RecordingNode.Run(ctx, lateNode{node, ctx, n})
}

// lateNode is a node to which nothing comes while its broker hangs.
type lateNode struct {
	topics.Node
	ctx context.Context
	end *hangingNode
}

func (n lateNode) Receive(p topics.Packet) {
	if n.end.wait(n.ctx) == nil {
		n.Node.Receive(p)
	}
}

func (n *hangingNode) Publish(ctx context.Context, ms []topics.Packet) (int, error) {
	if !n.isLate() {
		if err := n.wait(ctx); err != nil {
			return 0, err
		}
	}
	taken, err := n.RecordingNode.Publish(ctx, ms)
	if failed := n.wait(ctx); err == nil {
		err = failed
	}
	return taken, err
}

func (n *hangingNode) Interest(ctx context.Context, on, off []string) error {
	if err := n.wait(ctx); err != nil {
		return err
	}
	return n.RecordingNode.Interest(ctx, on, off)
}

func (n *hangingNode) Since(ctx context.Context, topic string, keep topics.History, since topics.Position, most int) ([]topics.Packet, topics.Position, error) {
	if err := n.wait(ctx); err != nil {
		return nil, topics.Position{}, err
	}
	return n.RecordingNode.Since(ctx, topic, keep, since, most)
}

// hangsSoon has each call of the Recorder that begins from now on hang after a moment. There is none that began before.
func (n *clusterNode) hangsSoon() {
	n.t.Helper()
	n.HangsAfter(10 * time.Millisecond)
	await(n.t, "nothing is on its way to the Recorder", n.IsIdle)
}

// While a Recorder is connected and does not answer, members of a node get each other's messages, and a client that comes with a position
// is told no, and not to wait. When it answers again, all have all, once and in the Recorder's order.
func TestHang_LocalDeliveryGoesOn(t *testing.T) {
	for name, late := range map[string]bool{"before it takes what is published": false, "behind": true} {
		t.Run(name, func(t *testing.T) {
			memory := new(brokertest.Memory)
			end := &hangingNode{RecordingNode: memory.Recorder()}
			n, other := newNode(t, end, kept), newNode(t, memory.Recorder(), kept)
			t.Cleanup(end.goOn)
			ann, bob, olga := n.member("room.1"), n.member("room.1"), other.member("room.1")
			n.say("room.1", "1")
			ann.expect("1")
			bob.expect("1")
			olga.expect("1")
			before := ann.at

			n.hangsSoon()
			end.hang(late)
			n.say("room.1", "2")
			ann.expect("2")
			n.HangsAfter(time.Hour)
			n.say("room.1", "3")
			ann.expect("3")
			bob.expect("2 3")
			if ann.at.Epoch == before.Epoch {
				t.Errorf("at %v, which is of the Recorder's epoch", ann.at)
			}
			other.say("room.1", "other")
			first, rest := "other", "2 3 4"
			if late {
				first, rest = "2 other", "3 4"
			}
			olga.expect(first)
			if _, err := n.dial().since("room.1", before); err != topics.ErrGap {
				t.Errorf("since %v while the Recorder hangs: %v, want %v", before, err, topics.ErrGap)
			}
			_ = n.member("room.1")
			end.goOn()
			ann.expect("other")
			bob.expect("other")
			n.say("room.1", "4")
			ann.expect("4")
			olga.expect(rest)
			if ann.at.Epoch != before.Epoch || ann.at != olga.at {
				t.Errorf("ann is at %v, and olga at %v", ann.at, olga.at)
			}
			back := other.dial()
			if _, err := back.since("room.1", before); err != nil {
				t.Fatal(err)
			}
			back.expect(first + " " + rest)
			if n.Hangs() {
				t.Error("it still hangs")
			}
		})
	}
}

// A topic that keeps nothing, and is new while a Recorder hangs, has no member wait. When the broker has confirmed it, the
// member is told that something may be missing.
func TestHang_ANewTopicIsAway(t *testing.T) {
	end := &hangingNode{RecordingNode: new(brokertest.Memory).Recorder()}
	n := newNode(t, end, topics.History{})
	t.Cleanup(end.goOn)
	n.awaitUp(0)
	n.hangsSoon()
	end.hang(false)
	if _, err := n.Subscribe(n.dial().conn, "another"); err != nil {
		t.Fatal(err)
	}
	await(t, "the Recorder hangs", n.Hangs)
	n.HangsAfter(time.Hour)
	ann := n.member("room.1")
	n.say("room.1", "1")
	ann.expect("1")
	end.goOn()
	n.expectGaps(1, ann.at)
}

// slowAnswers is a hangingNode whose answers of Since come when the test says so.
type slowAnswers struct {
	*hangingNode
	slow  atomic.Bool
	asked chan chan struct{} // gets one for each call while slow is set, which is closed for the answer
}

func (n *slowAnswers) Since(ctx context.Context, topic string, keep topics.History, since topics.Position, most int) ([]topics.Packet, topics.Position, error) {
	missed, at, err := n.hangingNode.Since(ctx, topic, keep, since, most)
	if n.slow.Load() {
		answer := make(chan struct{})
		n.asked <- answer
		select {
		case <-answer:
		case <-ctx.Done():
		}
	}
	return missed, at, err
}

// What a Recorder was asked before it hung once more is no answer to what it is asked behind that.
func TestHang_AnOldAnswerIsNone(t *testing.T) {
	memory := new(brokertest.Memory)
	var drop atomic.Bool
	memory.Drop = func(topics.Packet, string) bool { return drop.Load() }
	end := &slowAnswers{hangingNode: &hangingNode{RecordingNode: memory.Recorder()}, asked: make(chan chan struct{}, 16)}
	n, other := newNode(t, end, kept), newNode(t, memory.Recorder(), kept)
	t.Cleanup(end.goOn)
	ann := n.member("room.1")
	n.say("room.1", "1")
	ann.expect("1")

	drop.Store(true) // so what other nodes publish comes with an answer alone
	end.slow.Store(true)
	hangs := func(text string) (answer chan struct{}) {
		n.hangsSoon()
		end.hang(false)
		n.say("room.1", text)
		ann.expect(text)
		n.HangsAfter(time.Hour)
		if text != "2" {
			other.say("room.1", "other")
			await(t, "the Recorder has it", func() bool { return other.Stats().Broker.Published > 0 })
		}
		end.goOn()
		await(t, "the Recorder is asked", func() bool { return len(end.asked) > 0 })
		return <-end.asked
	}
	old := hangs("2")
	present := hangs("3")
	close(old)
	time.Sleep(20 * time.Millisecond) // it would be taken
	end.slow.Store(false)
	close(present)
	ann.expect("other")
}

// A topic that is new waits for a Recorder that hangs no longer than others do.
func TestHang_OfInterest(t *testing.T) {
	end := &hangingNode{RecordingNode: new(brokertest.Memory).Recorder()}
	n := newNode(t, end, kept)
	t.Cleanup(end.goOn)
	n.awaitUp(0)
	n.hangsSoon()
	end.hang(false)
	ann := n.member("room.1")
	n.HangsAfter(time.Hour)
	n.say("room.1", "1")
	ann.expect("1")
	here := ann.at
	end.goOn()
	await(t, "the Recorder's position", func() bool {
		n.say("room.1", "more")
		ann.look()
		return ann.at.Epoch != here.Epoch
	})
}

// refusingNode is a hangingNode that refuses what is published, for a while.
type refusingNode struct {
	*hangingNode
	refuses atomic.Bool
}

func (n *refusingNode) Publish(ctx context.Context, ms []topics.Packet) (int, error) {
	if !n.refuses.Load() {
		return n.hangingNode.Publish(ctx, ms)
	}
	if err := n.wait(ctx); err != nil {
		return 0, err
	}
	return 0, errors.New("refused")
}

// A Recorder that hung, and then refuses what was published to it, hangs no longer when all of that is lost.
func TestHang_EndsWithNothingToPublish(t *testing.T) {
	memory := new(brokertest.Memory)
	end := &refusingNode{hangingNode: &hangingNode{RecordingNode: memory.Recorder()}}
	n, other := newNode(t, end, kept), newNode(t, memory.Recorder(), kept)
	t.Cleanup(end.goOn)
	ann := n.member("room.1")
	n.say("room.1", "1")
	ann.expect("1")
	n.hangsSoon()
	end.refuses.Store(true)
	end.hang(false)
	n.say("room.1", "2")
	ann.expect("2")
	n.HangsAfter(time.Hour)
	end.goOn()
	await(t, "the message is lost", func() bool { return n.Stats().Broker.Lost == 1 })
	await(t, "the Recorder hangs no longer", func() bool { return !n.Hangs() })
	other.say("room.1", "other")
	ann.expect("other")
}

// Nor does it hang while it refuses in time, however much there is to refuse.
func TestHang_EndsWithRefusals(t *testing.T) {
	memory := new(brokertest.Memory)
	end := &refusingNode{hangingNode: &hangingNode{RecordingNode: memory.Recorder()}}
	n, other := newNode(t, end, kept), newNode(t, memory.Recorder(), kept)
	t.Cleanup(end.goOn)
	ann := n.member("room.1")
	n.hangsSoon()
	end.refuses.Store(true)
	end.hang(false)
	n.say("room.1", "1")
	ann.expect("1")
	n.HangsAfter(time.Hour)
	end.goOn()
	await(t, "the Recorder hangs no longer", func() bool { n.say("room.2", "more"); return !n.Hangs() })
	other.say("room.1", "other")
	await(t, "other's message", func() bool { n.say("room.2", "more"); ann.look(); return slices.Contains(ann.read, "other") })
}

// A topic forgets a connection that waits for a Recorder and leaves.
func TestHang_AWaitingConnectionLeaves(t *testing.T) {
	for how, leave := range map[string]func(n *clusterNode, c *conn.Conn) error{
		"by Unsubscribe": func(n *clusterNode, c *conn.Conn) error { return n.Unsubscribe(c, "room.1") },
		"with its end":   func(_ *clusterNode, c *conn.Conn) error { c.Abort(); return nil },
	} {
		t.Run(how, func(t *testing.T) {
			end := &hangingNode{RecordingNode: new(brokertest.Memory).Recorder()}
			n := newNode(t, end, kept)
			t.Cleanup(end.goOn)
			n.awaitUp(0)
			n.HangsAfter(time.Hour)
			end.hang(false)
			c := n.dial().conn
			if err := n.SubscribeSince(c, "room.1", topics.Position{}, func(topics.Position, error) { t.Error("answered") }); err != nil {
				t.Fatal(err)
			}
			if got := n.Stats().Topics; got != 1 {
				t.Errorf("%d topics while a connection waits", got)
			}
			if err := leave(n, c); err != nil {
				t.Error(err)
			}
			await(t, "no topics", func() bool { n.sim.Settle(); return n.Stats().Topics == 0 })
		})
	}
}
