package topics_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/brokertest"
)

// slowInterest holds, or refuses, interest in "room.1", and may hold what it is asked.
type slowInterest struct {
	brokertest.RecordingNode
	interest chan struct{} // interest in room.1 waits until it is closed
	answers  chan struct{} // so do questions
	refuses  bool
	asked    atomic.Int64 // how often interest in room.1 was given
}

func newSlowInterest(memory *brokertest.Memory) *slowInterest {
	r := &slowInterest{RecordingNode: memory.Recorder(), interest: make(chan struct{}), answers: make(chan struct{})}
	return r
}

func wait(ctx context.Context, until chan struct{}) error {
	select {
	case <-until:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *slowInterest) Interest(ctx context.Context, on, off []string) error {
	if slices.Contains(on, "room.1") {
		if r.asked.Add(1); r.refuses {
			return errors.New("no rights")
		}
		if err := wait(ctx, r.interest); err != nil {
			return err
		}
	}
	return r.RecordingNode.Interest(ctx, on, off)
}

func (r *slowInterest) Since(ctx context.Context, topic string, keep topics.History, since topics.Position, most int) ([]topics.Packet, topics.Position, error) {
	if err := wait(ctx, r.answers); err != nil {
		return nil, topics.Position{}, err
	}
	return r.RecordingNode.Since(ctx, topic, keep, since, most)
}

// earlyNode is a node with a member of a pattern that the broker has confirmed.
func earlyNode(t *testing.T, r ends) (n *clusterNode, wild *client) {
	t.Helper()
	n = newNode(t, r, kept)
	n.OnGap = func(_ *conn.Conn, topic string, at topics.Position) { t.Errorf("a gap of %q at %v", topic, at) }
	wild = n.dial()
	if _, err := n.Subscribe(wild.conn, "room.*"); err != nil {
		t.Fatal(err)
	}
	await(t, "interest in the pattern", func() bool { return n.Listens("room.*") })
	return n, wild
}

// What others publish while a topic is new on a node comes to members of a pattern, and to members of the topic, once for each connection: before
// interest in the topic is confirmed, and before the Recorder's first answer.
func TestEarly_AllGetWhatComesWhileATopicIsNew(t *testing.T) {
	for name, keep := range map[string]topics.History{"messages": kept, "the last": {Last: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			memory := new(brokertest.Memory)
			r := newSlowInterest(memory)
			b, wild := earlyNode(t, r)
			b.History = func(string) topics.History { return keep }
			a := newNode(t, memory.Recorder(), keep)
			ann := a.member("room.1")
			a.say("room.1", "before")
			ann.expect("before")
			wild.expect("before")
			bob, both := b.dial(), b.dial()
			for _, c := range []*client{bob, both} {
				if _, err := b.Subscribe(c.conn, "room.1"); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := b.Subscribe(both.conn, "room.*"); err != nil {
				t.Fatal(err)
			}
			await(t, "interest is given", func() bool { return r.asked.Load() > 0 })
			received := b.Stats().Broker.Received
			a.say("room.1", "1")
			a.say("room.1", "2")
			await(t, "what the pattern brings", func() bool { return b.Stats().Broker.Received >= received+2 })
			close(r.interest)
			await(t, "interest", func() bool { return b.Listens("room.1") })
			a.say("room.1", "3")
			await(t, "what both bring", func() bool { return b.Stats().Broker.Received >= received+4 })
			close(r.answers)
			for _, c := range []*client{wild, bob, both} {
				c.expect("1 2 3")
			}
			ann.expect("1 2 3")
			a.say("room.1", "end")
			for _, c := range []*client{ann, wild, bob, both} {
				c.expect("end")
			}
			if bob.at != ann.at || both.at != ann.at {
				t.Errorf("at %v and %v, want %v", bob.at, both.at, ann.at)
			}
		})
	}
}

// Members of a pattern get what others publish to a topic in which the broker refuses interest, although it has members of its own.
func TestEarly_PatternsGetWhatATopicIsRefused(t *testing.T) {
	memory := new(brokertest.Memory)
	r := newSlowInterest(memory)
	r.refuses = true
	b, wild := earlyNode(t, r)
	a := newNode(t, memory.Recorder(), kept)
	ann := a.member("room.1")
	bob := b.dial()
	if _, err := b.Subscribe(bob.conn, "room.1"); err != nil {
		t.Fatal(err)
	}
	a.say("room.1", "1")
	wild.expect("1")
	await(t, "a refusal", func() bool { return b.Away("room.1") })
	a.say("room.1", "2")
	b.say("room.1", "own")
	await(t, "both", func() bool { wild.look(); return len(wild.read) == 2 })
	slices.Sort(wild.read)
	wild.expect("2 own")
	bob.expect("own")
	await(t, "all", func() bool { ann.look(); return len(ann.read) == 3 })
}

// What is held for a topic that ends before it has a position comes to members of a pattern. So does what its own node has published there.
func TestEarly_PatternsGetWhatATopicLeaves(t *testing.T) {
	memory := new(brokertest.Memory)
	r := newSlowInterest(memory)
	close(r.interest)
	b, wild := earlyNode(t, r)
	a := newNode(t, memory.Recorder(), kept)
	ann, bob := a.dial(), b.dial()
	if _, err := a.Subscribe(ann.conn, "room.1"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Subscribe(bob.conn, "room.1"); err != nil {
		t.Fatal(err)
	}
	await(t, "interest", func() bool { return b.Listens("room.1") && a.Listens("room.1") })
	b.say("room.1", "own")
	received := b.Stats().Broker.Received
	a.say("room.1", "1")
	await(t, "it has come twice", func() bool { return b.Stats().Broker.Received >= received+2 })
	if err := b.Unsubscribe(bob.conn, "room.1"); err != nil {
		t.Fatal(err)
	}
	wild.expect("own 1")
	close(r.answers)
	b.say("room.1", "own.2")
	a.say("room.1", "2")
	await(t, "both", func() bool { wild.look(); return len(wild.read) == 2 })
	if got := strings.Join(wild.read, " "); got != "own.2 2" && got != "2 own.2" {
		t.Errorf("read %q", got)
	}
	await(t, "all", func() bool { ann.look(); return len(ann.read) == 4 })
}
