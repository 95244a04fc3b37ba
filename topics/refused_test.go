package topics_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/brokertest"
)

// boundedRecorder takes no message that is too long.
type boundedRecorder struct{ brokertest.RecordingNode }

func (b boundedRecorder) Publish(ctx context.Context, ms []topics.Packet) (taken int, err error) {
	for i := range ms {
		if len(ms[i].Data) > 1000 {
			return taken, errors.New("too long")
		}
		if _, err := b.RecordingNode.Publish(ctx, ms[i:i+1]); err != nil {
			return taken, err
		}
		taken++
	}
	return taken, nil
}

func (b boundedRecorder) Interest(ctx context.Context, on, off []string) error {
	if slices.Contains(on, "room.1000") {
		return errors.New("no rights")
	}
	return b.RecordingNode.Interest(ctx, on, off)
}

// A client that wants to join a topic that the broker refuses has an answer.
func TestAcross_JoiningWhatIsRefused(t *testing.T) {
	t.Parallel()
	memory := new(brokertest.Memory)
	for _, broker := range []ends{boundedRecorder{memory.Recorder()}, plainBroker{boundedRecorder{memory.Recorder()}}} {
		n := newNode(t, broker, topics.History{Messages: 10})
		n.awaitUp(0)
		for _, since := range []topics.Position{{}, {Epoch: 1, Offset: 7}} {
			_, err := n.dial().since("room.1000", since)
			if wanted := (since != topics.Position{}); (err == topics.ErrGap) != wanted {
				t.Errorf("since %v: %v", since, err)
			}
		}
	}
}

// Members on a node hear each other also if the Recorder refuses interest in their topic. What they say does not count as on its way back, and keeps no
// other topic from its messages.
func TestAcross_WhatIsRefusedIsHeardHere(t *testing.T) {
	t.Parallel()
	memory := new(brokertest.Memory)
	n := newNode(t, boundedRecorder{memory.Recorder()}, topics.History{Messages: 10})
	n.MaxOutbox = 4 << 10
	n.awaitUp(0)
	ann, bob := n.dial(), n.member("room.1")
	if _, err := n.Subscribe(ann.conn, "room.1000"); err != nil {
		t.Fatal(err)
	}
	n.say("room.1000", "first")
	ann.expect("first")
	var all []string
	for i := range 100 { // together more than MaxOutbox
		all = append(all, fmt.Sprint(i, ":", strings.Repeat("x", 100)))
		n.say("room.1000", all[i])
	}
	ann.expect(strings.Join(all, " "))
	await(t, "the broker has what it was given", n.IsIdle)
	n.say("room.1", "1")
	bob.expect("1")
	await(t, "nothing is on its way back", func() bool { return n.Stats().Broker.RecorderBytes == 0 })
}

// latePermission refuses interest until it is permitted.
type latePermission struct {
	brokertest.RecordingNode
	permitted atomic.Bool
}

func (r *latePermission) Interest(ctx context.Context, on, off []string) error {
	if !r.permitted.Load() && len(on) > 0 {
		return errors.New("no rights")
	}
	return r.RecordingNode.Interest(ctx, on, off)
}

// When the Recorder takes interest that it has refused, members are told of one gap, and go on with its positions. What they have had they get
// not once more.
func TestAcross_WhatWasRefusedGoesOn(t *testing.T) {
	t.Parallel()
	memory := new(brokertest.Memory)
	end := &latePermission{RecordingNode: memory.Recorder()}
	n, other := newNode(t, end, kept), newNode(t, memory.Recorder(), kept)
	n.awaitUp(0)
	olga, ann := other.member("room.1"), n.dial()
	if _, err := n.Subscribe(ann.conn, "room.1"); err != nil {
		t.Fatal(err)
	}
	n.say("room.1", "1")
	ann.expect("1")
	olga.expect("1")
	end.permitted.Store(true)
	await(t, "a gap", func() bool { n.sim.Settle(); return len(n.gaps) > 0 })
	n.say("room.1", "2")
	other.say("room.1", "3")
	await(t, "both have all", func() bool { ann.look(); olga.look(); return len(ann.read) == 2 && len(olga.read) == 2 })
	if got, want := strings.Join(ann.read, " "), strings.Join(olga.read, " "); got != want || ann.at != olga.at || len(n.gaps) != 1 {
		t.Errorf("ann read %q, olga %q; at %v and %v; %d gaps", got, want, ann.at, olga.at, len(n.gaps))
	}
}

// plainBroker is a boundedRecorder that does not record.
type plainBroker struct{ topics.Broker }

func (plainBroker) Cut() {}

// What the Recorder does not take is lost. Members of the publisher's node are informed too, also if nothing comes after it.
func TestAcross_WhatIsRefusedIsAGap(t *testing.T) {
	memory := new(brokertest.Memory)
	keep := topics.History{Messages: 10}
	a, b := newNode(t, boundedRecorder{memory.Recorder()}, keep), newNode(t, memory.Recorder(), keep)
	ann, bob := a.member("room.1"), b.member("room.1")
	a.say("room.1", "1")
	ann.expect("1")
	bob.expect("1")
	a.say("room.1", strings.Repeat("x", 1000))
	await(t, "a gap", func() bool { a.sim.Settle(); return len(a.gaps) == 1 })
	if a.gaps[0] != ann.at {
		t.Errorf("a gap at %v, the member is at %v", a.gaps[0], ann.at)
	}
	a.say("room.1", "2")
	ann.expect("2")
	bob.expect("2")
	if len(a.gaps) != 1 || len(b.gaps) != 1 {
		t.Errorf("gaps %v and %v", a.gaps, b.gaps)
	}
	if lost := a.Stats().Broker.Lost; lost != 1 {
		t.Errorf("%d messages are lost", lost)
	}
}

// selectiveRecorder refuses interest in topics that begin with "forbidden.". It refuses all until it has refused so many calls of Publish.
type selectiveRecorder struct {
	*hangingNode
	away atomic.Int32
}

func (r *selectiveRecorder) Interest(ctx context.Context, on, off []string) error {
	if err := r.wait(ctx); err != nil {
		return err
	}
	if r.away.Load() > 0 || slices.ContainsFunc(on, func(name string) bool { return strings.HasPrefix(name, "forbidden.") }) {
		return errors.New("no rights")
	}
	return r.hangingNode.Interest(ctx, on, off)
}

func (r *selectiveRecorder) Publish(ctx context.Context, ms []topics.Packet) (taken int, err error) {
	if r.away.Load() > 0 {
		r.away.Add(-1)
		return 0, errors.New("away")
	}
	return r.hangingNode.Publish(ctx, ms)
}

// However many topics the broker refuses, others have their messages. If it refuses all, for a while, no message is lost.
func TestAcross_ManyThatAreRefused(t *testing.T) {
	for name, away := range map[string]int32{"some topics": 0, "all, for a while": 10} {
		t.Run(name, func(t *testing.T) {
			topics.PauseFor(t, 10*time.Millisecond) // a machine with other work takes its time for ten calls
			memory := new(brokertest.Memory)
			end := &selectiveRecorder{hangingNode: &hangingNode{RecordingNode: memory.Recorder()}}
			n, other := newNode(t, end, kept), newNode(t, memory.Recorder(), kept)
			t.Cleanup(end.goOn)
			n.OnGap = nil
			ann, olga := n.member("room.1"), other.member("room.1")
			end.hang(false) // so that all are given together
			for i := range 200 {
				if _, err := n.Subscribe(ann.conn, fmt.Sprint("forbidden.", i)); err != nil {
					t.Fatal(err)
				}
			}
			end.away.Store(away)
			n.say("room.1", "1")
			end.goOn()
			ann.expect("1")
			olga.expect("1")
			other.say("room.1", "2")
			ann.expect("2")
			if lost := n.Stats().Broker.Lost; lost != 0 {
				t.Errorf("%d messages are lost", lost)
			}
		})
	}
}

// A broker that has taken no topic yet, and refuses all for a while, may be away: no message is lost, however few topics there are.
func TestAcross_AllThatThereIsIsRefused(t *testing.T) {
	topics.PauseFor(t, 10*time.Millisecond)
	memory := new(brokertest.Memory)
	end := &selectiveRecorder{hangingNode: &hangingNode{RecordingNode: memory.Recorder()}}
	end.away.Store(10)
	n, other := newNode(t, end, kept), newNode(t, memory.Recorder(), kept)
	n.OnGap = nil
	olga, ann := other.member("room.1"), n.dial()
	n.awaitUp(0)
	if _, err := n.Subscribe(ann.conn, "room.1"); err != nil {
		t.Fatal(err)
	}
	n.say("room.1", "1")
	olga.expect("1")
	if lost := n.Stats().Broker.Lost; lost != 0 {
		t.Errorf("%d messages are lost", lost)
	}
}
