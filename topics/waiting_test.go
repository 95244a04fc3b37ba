package topics_test

import (
	"testing"
	"time"

	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/brokertest"
)

// A call of SubscribeSince that waits is no topic of its connection yet, and may be refused. How many may wait has bounds of its own.
func TestWaiting_CallsAreNoTopicsYet(t *testing.T) {
	memory := new(brokertest.Memory)
	end := newSilent(memory)
	n := newNode(t, end, kept)
	n.MaxTopics, n.MaxMembers = 2, 3
	t.Cleanup(end.silence.goOn)
	n.awaitUp(0)
	n.AnswersAfter(time.Hour)
	end.silence.hang(false)
	c := n.dial()
	results := map[string]error{}
	ask := func(c *client, topic string) error {
		return n.SubscribeSince(c.conn, topic, topics.Position{}, func(_ topics.Position, err error) { results[topic] = err })
	}
	for _, topic := range []string{"waits.1", "waits.2"} {
		if err := ask(c, topic); err != nil {
			t.Fatal(err)
		}
	}
	if s := n.Stats(); s.Subscriptions != 0 {
		t.Errorf("%d subscriptions while two calls wait", s.Subscriptions)
	}
	if err := ask(c, "waits.3"); err != topics.ErrTooManyTopics {
		t.Errorf("a third one that waits: %v", err)
	}
	for _, topic := range []string{"joined.1", "joined.2"} {
		if _, err := n.Subscribe(c.conn, topic); err != nil {
			t.Errorf("a topic beside two that wait: %v", err)
		}
	}
	for i := range n.MaxMembers {
		if err := ask(n.dial(), "full"); err != nil {
			t.Errorf("connection %d: %v", i, err)
		}
	}
	if err := ask(n.dial(), "full"); err != topics.ErrTooManyMembers {
		t.Errorf("one more that waits for a topic: %v", err)
	}
	end.silence.goOn()
	await(t, "answers", func() bool { n.sim.Settle(); return len(results) == 3 })
	for topic, want := range map[string]error{"waits.1": topics.ErrTooManyTopics, "waits.2": topics.ErrTooManyTopics, "full": nil} {
		if results[topic] != want {
			t.Errorf("%s: the answer is %v, want %v", topic, results[topic], want)
		}
	}
	await(t, "members", func() bool { return n.Count("full") == n.MaxMembers })
	if s := n.Stats(); s.Subscriptions != 2+n.MaxMembers {
		t.Errorf("%d subscriptions", s.Subscriptions)
	}
}
