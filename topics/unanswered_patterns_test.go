package topics_test

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/brokertest"
)

// What comes late while a topic waits for an answer is a gap for members of patterns, if the topic has it already and goes on without an answer. A
// connection that is a member of both gets nothing twice.
func TestUnanswered_WhatTheTopicHasIsAGapForPatterns(t *testing.T) {
	var mu sync.Mutex
	var late topics.Packet
	memory := new(brokertest.Memory)
	end := newSilent(memory)
	memory.Drop = func(p topics.Packet, node string) bool {
		is := bytes.Contains(p.Data, []byte("late")) && node == end.ID()
		if is {
			mu.Lock()
			late = p
			mu.Unlock()
		}
		return is
	}
	n, other := newNode(t, end, kept), newNode(t, memory.Recorder(), kept)
	t.Cleanup(end.silence.goOn)
	gaps := make(map[*conn.Conn]int) // guarded by mu
	n.OnGap = func(c *conn.Conn, _ string, _ topics.Position) {
		mu.Lock()
		defer mu.Unlock()
		gaps[c]++
	}
	both := n.member("room.1")
	other.say("room.1", "late")
	other.say("room.1", "2")
	both.expect("late 2")
	pat := n.dial()
	for _, c := range []*client{both, pat} {
		if _, err := n.Subscribe(c.conn, "room.*"); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "interest", func() bool { return n.Listens("room.*") })
	node := end.node.Load().(topics.Node)
	end.silence.hang(false)
	node.Gap("room.1")
	n.sim.Settle()
	mu.Lock()
	before, held := gaps[pat.conn], late
	mu.Unlock()
	node.Receive(held)
	n.AnswersAfter(10 * time.Millisecond)
	await(t, "a gap", func() bool {
		n.sim.Settle()
		mu.Lock()
		defer mu.Unlock()
		return gaps[pat.conn] > before
	})
	other.say("room.1", "3")
	both.expect("3")
	pat.expect("3")
}

// What a topic could not hold while it waited for an answer is a gap for members of patterns, also if nothing comes behind it.
func TestUnanswered_PatternsHearOfWhatWasNotHeld(t *testing.T) {
	memory := new(brokertest.Memory)
	end := newSilent(memory)
	n, other := newNode(t, end, kept), newNode(t, memory.Recorder(), kept)
	t.Cleanup(end.silence.goOn)
	n.MaxBacklog = 64 << 10
	gaps := 0
	n.OnGap = countGaps(&gaps)
	n.member("room.1")
	pat := n.dial()
	if _, err := n.Subscribe(pat.conn, "room.*"); err != nil {
		t.Fatal(err)
	}
	await(t, "interest", func() bool { return n.Listens("room.*") })
	end.silence.hang(false)
	end.node.Load().(topics.Node).Gap("room.1")
	n.sim.Settle()
	before := gaps
	received := n.Stats().Broker.Received
	other.say("room.1", string(make([]byte, 100<<10)))
	await(t, "it has come for both", func() bool { return n.Stats().Broker.Received >= received+2 })
	n.AnswersAfter(10 * time.Millisecond)
	await(t, "a gap", func() bool { n.sim.Settle(); return gaps > before })
}
