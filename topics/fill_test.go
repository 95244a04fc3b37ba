package topics_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/brokertest"
)

// askedRecorder notes what it is asked, and may fail.
type askedRecorder struct {
	*silentRecorder
	fails func(since topics.Position) bool // nil: never

	mu    sync.Mutex
	since []topics.Position // guarded by mu: of each question
}

func (r *askedRecorder) Since(ctx context.Context, topic string, keep topics.History, since topics.Position, most int) ([]topics.Packet, topics.Position, error) {
	r.mu.Lock()
	r.since = append(r.since, since)
	fails := r.fails != nil && r.fails(since)
	r.mu.Unlock()
	if fails {
		return nil, topics.Position{}, errors.New("no leader")
	}
	return r.silentRecorder.Since(ctx, topic, keep, since, most)
}

// questions are those that were put.
func (r *askedRecorder) questions() []topics.Position {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]topics.Position(nil), r.since...)
}

// expectKept waits until a node keeps that of a topic.
func (n *clusterNode) expectKept(topic, want string) {
	n.t.Helper()
	await(n.t, "the node keeps "+want, func() bool {
		n.sim.Settle()
		all, err := n.Kept(topic, topics.Position{}, 100)
		var got []string
		for _, m := range all {
			got = append(got, plain(m.String()))
		}
		return err == nil && strings.Join(got, " ") == want
	})
}

// recorded is a node with a topic of which the Recorder has some messages, the position of each, and another node's end.
func recorded(t *testing.T, keep topics.History, texts string) (end *askedRecorder, n *clusterNode, at []topics.Position) {
	memory := new(brokertest.Memory)
	end = &askedRecorder{silentRecorder: newSilent(memory)}
	other, n := newNode(t, memory.Recorder(), keep), newNode(t, end, keep)
	t.Cleanup(end.silence.goOn)
	t.Cleanup(end.goOn)
	olga := other.member("room.1")
	for _, text := range strings.Fields(texts) {
		other.say("room.1", text)
		olga.expect(text)
		at = append(at, olga.at)
	}
	n.awaitUp(0)
	return end, n, at
}

// A node gets all that the Recorder keeps of a topic that is new to it, also if a question fails.
func TestFill_IsAskedForAgain(t *testing.T) {
	t.Parallel()
	end, n, at := recorded(t, kept, "1 2 3")
	failed := false
	end.fails = func(since topics.Position) bool {
		fails := !failed && since == topics.Position{Epoch: at[0].Epoch}
		failed = failed || fails
		return fails
	}
	n.member("room.1")
	n.expectKept("room.1", "1 2 3")
}

// A client whose position is not to be had any more keeps no node from what the Recorder keeps.
func TestFill_BesideAClientThatIsTooLate(t *testing.T) {
	t.Parallel()
	end, n, at := recorded(t, topics.History{Messages: 3}, "1 2 3 4 5 6")
	end.silence.hang(false)
	ann, bob := n.dial(), n.dial()
	if _, err := n.Subscribe(ann.conn, "room.1"); err != nil {
		t.Fatal(err)
	}
	await(t, "the Recorder is asked", func() bool { return len(end.questions()) == 1 })
	var late error
	if err := n.SubscribeSince(bob.conn, "room.1", at[0], func(_ topics.Position, err error) { late = err }); err != nil {
		t.Fatal(err)
	}
	end.silence.goOn()
	n.expectKept("room.1", "4 5 6")
	await(t, "an answer", func() bool { n.sim.Settle(); return late == topics.ErrGap })
}

// If a client is the first to ask for a topic, the node gets also what lies before the client's position.
func TestFill_BehindAClient(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keep  topics.History
		err   error
		reads string
		keeps string
	}{
		"whose position is there": {kept, nil, "3 4 5 6", "1 2 3 4 5 6"},
		"that is too late":        {topics.History{Messages: 3}, topics.ErrGap, "", "4 5 6"},
	} {
		t.Run(name, func(t *testing.T) {
			end, n, at := recorded(t, c.keep, "1 2 3 4 5 6")
			end.hang(false)
			ann, bob := n.dial(), n.dial()
			answered, failed := false, error(nil)
			err := n.SubscribeSince(bob.conn, "room.1", at[1], func(_ topics.Position, err error) { answered, failed = true, err })
			if err != nil {
				t.Fatal(err)
			}
			if _, err := n.Subscribe(ann.conn, "room.1"); err != nil {
				t.Fatal(err)
			}
			end.goOn()
			await(t, "an answer", func() bool { n.sim.Settle(); return answered })
			if failed != c.err {
				t.Errorf("the answer is %v", failed)
			}
			bob.expect(c.reads)
			n.expectKept("room.1", c.keeps)
			if first := end.questions()[0]; first != at[1] {
				t.Errorf("the first question is since %v", first)
			}
		})
	}
}

// Clients with positions that are not to be had any more, each with another one, keep members waiting for one question at most.
func TestCatchUp_BesideClientsThatAreTooLate(t *testing.T) {
	t.Parallel()
	end, n, at := recorded(t, topics.History{Messages: 3}, "1 2 3 4 5 6 7 8 9")
	ann := n.member("room.1")
	n.expectKept("room.1", "7 8 9")
	gap := end.node.Load().(topics.Node).Gap
	before := len(end.questions())
	end.silence.hang(false)
	gap("room.1")
	await(t, "the Recorder is asked", func() bool { return len(end.questions()) == before+1 })
	gap("room.1") // it is asked again, behind this
	answers := 0
	for _, since := range at[:4] {
		if err := n.SubscribeSince(n.dial().conn, "room.1", since, func(_ topics.Position, err error) {
			if answers++; err != topics.ErrGap {
				t.Errorf("the answer is %v", err)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	back := n.dial()
	if err := n.SubscribeSince(back.conn, "room.1", ann.at, func(topics.Position, error) { answers++ }); err != nil {
		t.Fatal(err)
	}
	end.silence.goOn()
	await(t, "all are answered", func() bool { n.sim.Settle(); return answers == 5 })
	var own []int
	for i, since := range end.questions()[before:] {
		if since == at[8] {
			own = append(own, i)
		}
	}
	if len(own) < 2 || own[1] > 2 {
		t.Errorf("of the questions since %v those are the node's own: %v", end.questions()[before:], own)
	}
}
