package topics_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/brokertest"
)

// heldBack is a broker's end that does not come back before it may.
type heldBack struct {
	brokertest.RecordingNode
	held atomic.Bool
}

func (h *heldBack) Run(ctx context.Context, node topics.Node) error {
	if h.held.Load() {
		return errors.New("not yet")
	}
	return h.RecordingNode.Run(ctx, node)
}

// What a full outbox has lost leaves no hole in the Recorder's offsets. Members on other nodes hear of a gap all the same, be their node connected
// when the next message comes or not. A client whose position is older gets a no, on each node.
func TestAcross_WhatWasNeverRecordedIsAGap(t *testing.T) {
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprint("late=", late), func(t *testing.T) {
			t.Parallel()
			memory, keep := new(brokertest.Memory), topics.History{Messages: 100}
			end := &heldBack{RecordingNode: memory.Recorder()}
			a, b := newNode(t, memory.Recorder(), keep), newNode(t, end, keep)
			a.MaxOutbox = 2 << 10
			ann, bob := a.member("room.1"), b.member("room.1")
			a.say("room.1", "first")
			ann.expect("first")
			bob.expect("first")
			old := bob.at

			memory.SetDown(true)
			end.held.Store(late)
			await(t, "both are away", func() bool { return !a.Stats().Broker.Up && !b.Stats().Broker.Up })
			for a.Stats().Broker.Lost < 3 {
				a.say("room.1", "outage")
			}
			memory.SetDown(false)
			await(t, "all is recorded", func() bool { s := a.Stats().Broker; return s.Up && s.OutboxBytes == 0 })
			if !late {
				await(t, "the other is back", func() bool { return b.Stats().Broker.Up })
			}
			a.say("room.1", "last")
			await(t, "it is recorded", func() bool { ann.look(); return slices.Contains(ann.read, "last") })
			end.held.Store(false)
			await(t, "it is there", func() bool { bob.look(); return slices.Contains(bob.read, "last") })

			if missed, lost := b.Stats().Broker.Missed, a.Stats().Broker.Lost; len(a.gaps) != 0 || len(b.gaps) != 1 || missed != lost {
				t.Errorf("%d and %d gaps, and %d missed of %d lost", len(a.gaps), len(b.gaps), missed, lost)
			}
			for _, n := range []*clusterNode{a, b} {
				if _, err := n.dial().since("room.1", old); err != topics.ErrGap {
					t.Errorf("since before the hole: %v", err)
				}
				if _, err := n.dial().since("room.1", bob.at); err != nil {
					t.Errorf("since the last one: %v", err)
				}
			}
		})
	}
}

// A node that keeps nothing of a topic may publish to it. Nodes that keep it do not miss these messages at the Recorder, and members stay where they
// were.
func TestAcross_WhatItsPublisherDoesNotKeep(t *testing.T) {
	t.Parallel()
	memory := new(brokertest.Memory)
	a, b := newNode(t, memory.Recorder(), topics.History{}), newNode(t, memory.Recorder(), topics.History{Messages: 100})
	bob := b.member("room.1")
	b.say("room.1", "kept")
	bob.expect("kept")
	before := bob.at
	b.ListensFor("room.1", time.Minute)
	a.say("room.1", "unkept")
	bob.expect("unkept")
	if bob.at != before {
		t.Errorf("a message without a position is at %v, behind %v", bob.at, before)
	}
	// Its number is repeated twice.
	time.Sleep(5 * time.Second)
	if b.sim.Settle(); len(b.gaps) != 0 || b.Stats().Broker.Missed != 0 {
		t.Errorf("%d gaps, %d missed", len(b.gaps), b.Stats().Broker.Missed)
	}
	b.say("room.1", "again")
	late := b.dial()
	if _, err := late.since("room.1", bob.at); err != nil {
		t.Error(err)
	}
	late.expect("again")
}

// Behind a gap that the Recorder cannot fill members are where OnGap says. The next message of each publisher is no second gap, and a client may come
// back with that position.
func TestAcross_OneGapForAllPublishers(t *testing.T) {
	t.Parallel()
	memory := new(brokertest.Memory)
	keep := topics.History{Messages: 3}
	end := &heldBack{RecordingNode: memory.Recorder()}
	a, other, b := newNode(t, memory.Recorder(), keep), newNode(t, memory.Recorder(), keep), newNode(t, end, keep)
	ann, bob := a.member("room.1"), b.member("room.1")
	a.say("room.1", "1")
	bob.expect("1")
	other.say("room.1", "2")
	bob.expect("2")
	await(t, "all have it", func() bool { ann.look(); return len(ann.read) == 2 })

	end.held.Store(true)
	b.broker.Cut()
	await(t, "it is away", func() bool { return !b.Stats().Broker.Up })
	for n := range 10 {
		a.say("room.1", fmt.Sprint("missed ", n))
		other.say("room.1", fmt.Sprint("missed, too ", n))
	}
	await(t, "all are recorded", func() bool { ann.look(); return len(ann.read) == 22 })
	end.held.Store(false)
	await(t, "a gap", func() bool { b.sim.Settle(); return len(b.gaps) > 0 })
	reported := b.gaps[0]
	a.say("room.1", "3")
	await(t, "it is there", func() bool { bob.look(); return slices.Contains(bob.read, "3") })
	other.say("room.1", "4")
	await(t, "the other is, too", func() bool { bob.look(); return slices.Contains(bob.read, "4") })
	if len(b.gaps) != 1 {
		t.Errorf("%d gaps: %v", len(b.gaps), b.gaps)
	}
	late := b.dial()
	if _, err := late.since("room.1", reported); err != nil {
		t.Error(err)
	}
	late.expect("3 4")
}
