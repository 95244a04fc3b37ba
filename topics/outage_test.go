package topics_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/brokertest"
)

// steppingNode is a silentRecorder whose messages come one by one, when the test says so.
type steppingNode struct {
	*silentRecorder
	steps, done chan struct{} // one message comes, and has come
}

func (n *steppingNode) Run(ctx context.Context, node topics.Node) error {
	return n.silentRecorder.Run(ctx, steps{node, ctx, n})
}

type steps struct {
	topics.Node
	ctx context.Context
	end *steppingNode
}

func (n steps) Receive(p topics.Packet) {
	select {
	case <-n.end.steps:
		n.Node.Receive(p)
		n.end.done <- struct{}{}
	case <-n.ctx.Done():
	}
}

// step has the next message come.
func (n *steppingNode) step() {
	n.steps <- struct{}{}
	<-n.done
}

// An outage of a Recorder that does not answer what was missed then is one gap for a member, however many of the messages that it heard
// meanwhile come back, and however late. It goes on behind the last of them, so that none comes once more.
func TestOutage_IsOneGap(t *testing.T) {
	for name, late := range map[string]bool{"they come in time": false, "they come late": true} {
		t.Run(name, func(t *testing.T) {
			memory := new(brokertest.Memory)
			end := &steppingNode{newSilent(memory), make(chan struct{}), make(chan struct{})}
			n, other := newNode(t, end, kept), newNode(t, memory.Recorder(), kept)
			t.Cleanup(end.silence.goOn)
			t.Cleanup(end.goOn)
			ann, olga := n.member("room.1"), other.member("room.1")
			n.say("room.1", "1")
			end.step()
			ann.expect("1")
			olga.expect("1")
			away(n, end, "2", "3", "4", "5")
			ann.expect("2 3 4 5")
			end.goOn()
			olga.expect("2 3 4 5")
			last := olga.at
			other.say("room.1", "x")
			n.waits(late)
			for range 4 {
				end.step()
				n.sim.Settle()
			}
			end.step()
			ann.expect("x")
			olga.expect("x")
			n.expectOneGap(last)
			back := other.dial()
			if _, err := back.since("room.1", n.gaps[0]); err != nil {
				t.Fatal(err)
			}
			back.expect("x")
			if ann.at != olga.at {
				t.Errorf("ann is at %v, and olga at %v", ann.at, olga.at)
			}
		})
	}
}

// away has a node's Recorder hang while that is said, and not answer then.
func away(n *clusterNode, end *steppingNode, all ...string) {
	n.hangsSoon()
	n.AnswersAfter(10 * time.Millisecond)
	end.hang(false)
	n.say("room.1", all[0])
	await(n.t, "the Recorder hangs", n.Hangs)
	n.HangsAfter(time.Hour)
	for _, text := range all[1:] {
		n.say("room.1", text)
	}
	end.silence.hang(false)
}

// waits waits until the topic waits for what members have heard or, if that is late, for whatever comes next.
func (n *clusterNode) waits(late bool) {
	n.t.Helper()
	await(n.t, "members wait", func() bool {
		returning, adrift := n.Waits("room.1")
		return adrift || returning && !late
	})
	n.AnswersAfter(time.Hour)
}

// expectOneGap checks that one gap was reported, at that position.
func (n *clusterNode) expectOneGap(at topics.Position) {
	n.t.Helper()
	await(n.t, "a gap", func() bool { n.sim.Settle(); return len(n.gaps) > 0 })
	if len(n.gaps) != 1 || n.gaps[0] != at {
		n.t.Errorf("gaps at %v, want one at %v", n.gaps, at)
	}
}

// What comes back behind a message with which a topic has gone on is one gap more, whatever is between: when the Recorder answers, and when it
// does not.
func TestOutage_WhatComesBackBehindTheGapIsOneMore(t *testing.T) {
	for name, answers := range map[string]bool{"the Recorder answers": true, "it does not": false} {
		t.Run(name, func(t *testing.T) {
			memory := new(brokertest.Memory)
			end := &steppingNode{newSilent(memory), make(chan struct{}), make(chan struct{})}
			n, other := newNode(t, end, kept), newNode(t, memory.Recorder(), kept)
			t.Cleanup(end.silence.goOn)
			t.Cleanup(end.goOn)
			ann, olga := n.member("room.1"), other.member("room.1")
			n.say("room.1", "1")
			end.step()
			ann.expect("1")
			olga.expect("1")
			away(n, end, "2", "3", "4", "5")
			ann.expect("2 3 4 5")
			other.say("room.1", "x")
			olga.expect("x")
			end.goOn()
			olga.expect("2 3 4 5")
			last := olga.at
			other.say("room.1", "y")
			n.waits(true)
			end.step()
			ann.expect("x")
			n.expectOneGap(topics.Position{Epoch: last.Epoch, Offset: last.Offset - 5})
			n.gaps = nil
			for range 4 {
				end.step()
				n.sim.Settle()
			}
			end.step() // y
			if answers {
				end.silence.goOn()
			} else {
				n.AnswersAfter(time.Millisecond)
			}
			ann.expect("y")
			olga.expect("y")
			n.expectOneGap(last)
			if ann.at != olga.at {
				t.Errorf("ann is at %v, and olga at %v", ann.at, olga.at)
			}
		})
	}
}

// However much was said in an outage, and does not fit into what is held, it is one gap.
func TestOutage_OfMuchIsOneGap(t *testing.T) {
	const messages = 60
	memory := new(brokertest.Memory)
	end := &steppingNode{newSilent(memory), make(chan struct{}), make(chan struct{})}
	n, other := newNode(t, end, kept), newNode(t, memory.Recorder(), kept)
	t.Cleanup(end.silence.goOn)
	t.Cleanup(end.goOn)
	ann := n.member("room.1")
	away(n, end, "1")
	ann.expect("1")
	for range messages - 1 {
		text := strings.Repeat("x", 30_000)
		n.say("room.1", text)
		ann.expect(text)
	}
	end.goOn()
	n.waits(false)
	for range messages {
		end.step()
		n.sim.Settle()
	}
	await(t, "a gap", func() bool { n.sim.Settle(); return len(n.gaps) > 0 })
	other.say("room.1", "end")
	end.step()
	ann.expect("end")
	if len(n.gaps) != 1 || n.gaps[0].Offset != messages {
		t.Errorf("gaps at %v, want one at %d", n.gaps, messages)
	}
}

// Nothing is counted of what has come back, of an outage that is over, and of topics that are gone.
func TestBounds_NothingIsLeft(t *testing.T) {
	memory := new(brokertest.Memory)
	end := newSilent(memory)
	n, other := newNode(t, end, kept), newNode(t, memory.Recorder(), kept)
	t.Cleanup(end.silence.goOn)
	t.Cleanup(end.goOn)
	ann, olga := n.member("room.1"), other.member("room.1")
	nothing := func(when string) {
		t.Helper()
		await(t, when, func() bool { n.sim.Settle(); return n.Stats().Broker.RecorderBytes == 0 })
	}
	n.say("room.1", "1")
	ann.expect("1")
	nothing("a message has come back")
	end.silence.hang(false)
	end.node.Load().(topics.Node).Gap("room.1")
	other.say("room.1", "2")
	olga.expect("1 2")
	n.say("room.1", "3")
	await(t, "something is held", func() bool { return n.Stats().Broker.RecorderBytes > 200 })
	end.silence.goOn()
	ann.expect("2 3")
	nothing("the Recorder has answered")
	n.hangsSoon()
	end.hang(false)
	n.say("room.1", "4")
	ann.expect("4")
	nothing("the Recorder hangs")
	n.HangsAfter(time.Hour)
	end.goOn()
	await(t, "the Recorder's position", func() bool { return !n.Hangs() && n.Misses("room.1") == 0 })
	end.hang(false)
	n.say("room.1", "5")
	ann.Reset()
	await(t, "no topics", func() bool { n.sim.Settle(); return n.Stats().Topics == 0 })
	nothing("the topic is gone")
}
