package topics_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/brokertest"
)

var kept = topics.History{Messages: 100}

// What one node publishes reaches the members of all nodes once, in order; the sender of a message may
// be left out.
func TestAcross_EachMemberGetsEachMessageOnce(t *testing.T) {
	for name, keep := range map[string]topics.History{"nothing is kept": {}, "kept": kept} {
		t.Run(name, func(t *testing.T) {
			forBrokers(t, func(t *testing.T, _ *brokertest.Memory, add func(topics.History) *clusterNode) {
				a, b := add(keep), add(keep)
				ann, amy, bob := a.member("room.1"), a.member("room.1"), b.member("room.1")
				var all []string
				for i := range 50 {
					all = append(all, fmt.Sprint(i))
					a.say("room.1", all[i])
				}
				want := strings.Join(all, " ")
				for _, c := range []*client{ann, amy, bob} {
					c.expect(want)
				}
				if _, err := a.PublishExcept("room.1", ann.conn, conn.Message{Type: conn.Text, Payload: []byte("x")}); err != nil {
					t.Error(err)
				}
				for _, c := range []*client{amy, bob} {
					c.expect("x")
				}
				b.say("room.1", "y")
				for _, c := range []*client{ann, amy, bob} {
					c.expect("y")
				}
			})
		})
	}
}

// A publisher's own members get what it publishes right after they have subscribed.
func TestAcross_OwnMembersGetTheFirstMessage(t *testing.T) {
	forBrokers(t, func(t *testing.T, _ *brokertest.Memory, add func(topics.History) *clusterNode) {
		a := add(kept)
		for i := range 20 {
			c, name := a.dial(), fmt.Sprint("room.", i)
			if _, err := a.Subscribe(c.conn, name); err != nil {
				t.Fatal(err)
			}
			a.say(name, "1")
			a.say(name, "2")
			c.expect("1 2")
		}
	})
}

func TestAcross_Patterns(t *testing.T) {
	forBrokers(t, func(t *testing.T, _ *brokertest.Memory, add func(topics.History) *clusterNode) {
		a, b := add(kept), add(kept)
		both, wild := b.member("room.1"), b.dial()
		for _, c := range []*client{both, wild} {
			if _, err := b.Subscribe(c.conn, "room.*"); err != nil {
				t.Fatal(err)
			}
		}
		b.member("mark") // the broker has confirmed the pattern too
		a.say("room.1", "1")
		a.say("room.2", "2")
		b.say("room.1", "3")
		b.say("room.2", "4")
		for _, c := range []*client{both, wild} {
			await(t, "four messages", func() bool { c.look(); return len(c.read) == 4 })
			slices.Sort(c.read) // the order is that of each publisher
			c.expect("1 2 3 4")
		}
		a.say("room.1", "end")
		both.expect("end")
		wild.expect("end")
	})
}

// Named regression: a client comes back to another node, also to one that had no members, and gets what it
// missed. Without a recorder it is told that it cannot.
func TestRegression_ComebackToAnotherNode(t *testing.T) {
	forBrokers(t, func(t *testing.T, _ *brokertest.Memory, add func(topics.History) *clusterNode) {
		a, b := add(kept), add(kept)
		ann := a.member("room.1")
		quietly := ann.at
		a.say("room.1", "1")
		ann.expect("1")
		first := ann.at
		ann.Reset()
		a.member("room.1")
		a.say("room.1", "2")
		a.say("room.1", "3")
		for i := range 2 {
			back := b.dial()
			if _, err := back.since("room.1", first); a.recorder() {
				if err != nil {
					t.Fatal(err)
				}
				back.expect("2 3")
				early := b.dial()
				if _, err := early.since("room.1", quietly); err != nil {
					t.Fatal(err)
				}
				early.expect("1 2 3")
				early.Reset()
			} else if err != topics.ErrGap {
				t.Errorf("error %v", err)
			}
			back.Reset()
			b.sim.Settle()
			if i == 0 {
				await(t, "no topics", func() bool { return !a.recorder() || b.Stats().Topics == 0 })
			}
		}
	})
}

// A newcomer on a node that is new to a topic finds what the recorder keeps.
func TestAcross_ANewNodeHasWhatIsKept(t *testing.T) {
	forBrokers(t, func(t *testing.T, _ *brokertest.Memory, add func(topics.History) *clusterNode) {
		a, b := add(topics.History{Messages: 3}), add(topics.History{Messages: 3})
		ann := a.member("room.1")
		for i := range 5 {
			a.say("room.1", fmt.Sprint(i))
			a.say(fmt.Sprint("other.", i), "x")
		}
		ann.expect("0 1 2 3 4")
		bob := b.member("room.1")
		all, err := b.Kept("room.1", bob.at, 10)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range all {
			got = append(got, plain(m.String()))
		}
		want := "2 3 4"
		if _, sparse := a.broker.(brokertest.RecordingNode); !sparse {
			want = ""
		}
		if s := strings.Join(got, " "); s != want && !strings.HasSuffix(want, s) || a.recorder() && s == "" {
			t.Errorf("kept %q, want %q", s, want)
		}
	})
}

// recorder reports whether positions are those of all nodes.
func (n *clusterNode) recorder() bool { _, ok := n.Broker.(topics.Recorder); return ok }

// Named regression: a topic in which nothing happens has a position, over nodes.
func TestRegression_QuietTopicAcross(t *testing.T) {
	forBrokers(t, func(t *testing.T, _ *brokertest.Memory, add func(topics.History) *clusterNode) {
		a, b := add(kept), add(kept)
		ann := a.member("quiet")
		if ann.at.Epoch == 0 {
			t.Fatal("no position")
		}
		ann.Reset()
		n := a
		if a.recorder() {
			n = b
		}
		back := n.dial()
		if _, err := back.since("quiet", ann.at); err != nil {
			t.Fatal(err)
		}
		b.say("quiet", "1")
		back.expect("1")
	})
}

// While the broker is away, members of a node hear each other. When it is back, they get once what others have
// published, or are told that they cannot.
func TestAcross_BrokerIsAway(t *testing.T) {
	forBrokers(t, func(t *testing.T, memory *brokertest.Memory, add func(topics.History) *clusterNode) {
		a, b := add(kept), add(kept)
		ann, bob := a.member("room.1"), b.member("room.1")
		a.say("room.1", "1")
		ann.expect("1")
		bob.expect("1")
		before, beforeB := ann.at, bob.at
		memory.SetDown(true)
		await(t, "the loss", func() bool { return a.Away("room.1") && b.Away("room.1") })
		a.say("room.1", "a2")
		b.say("room.1", "b2")
		ann.expect("a2")
		bob.expect("b2")
		amy := a.member("room.1")
		outage := amy.at
		if _, err := a.dial().since("room.1", before); err != topics.ErrGap {
			t.Errorf("since a position of before: %v", err)
		}
		memory.SetDown(false)
		a.awaitUp(1)
		b.awaitUp(1)
		mark := a.member("mark") // what was before this has been sent
		a.say("mark", "1")
		mark.expect("1")
		if !a.recorder() {
			a.expectGaps(2, before)
			b.expectGaps(1, beforeB)
		} else {
			ann.expect("b2")
			bob.expect("a2")
			a.expectGaps(1, outage)
			back := a.dial()
			if _, err := back.since("room.1", before); err != nil {
				t.Fatal(err)
			}
			await(t, "what was missed", func() bool { back.look(); return len(back.read) == 2 })
		}
		if _, err := a.dial().since("room.1", outage); err != topics.ErrGap {
			t.Errorf("since a position of the outage: %v", err)
		}
	})
}

// expectGaps waits until a gap has been reported to so many members, which go on elsewhere than before.
func (n *clusterNode) expectGaps(times int, before topics.Position) {
	n.t.Helper()
	await(n.t, "a gap is reported", func() bool { n.sim.Settle(); return len(n.gaps) >= times })
	for _, at := range n.gaps {
		if at.Epoch == before.Epoch {
			n.t.Errorf("goes on at %v, as before", at)
		}
	}
	if len(n.gaps) != times {
		n.t.Errorf("gaps are reported to %d members, want %d", len(n.gaps), times)
	}
	n.gaps = nil
}

// Named regression: a broker that comes back empty has other positions. Members are told, and go on.
func TestRegression_BrokerRestartsEmpty(t *testing.T) {
	forBrokers(t, func(t *testing.T, memory *brokertest.Memory, add func(topics.History) *clusterNode) {
		a, b := add(kept), add(kept)
		ann, bob := a.member("room.1"), b.member("room.1")
		a.say("room.1", "1")
		ann.expect("1")
		bob.expect("1")
		before, beforeB := ann.at, bob.at
		memory.Restart()
		a.awaitUp(1)
		b.awaitUp(1)
		amy := a.member("room.1")
		ben := b.member("room.1")
		a.expectGaps(1, before)
		b.expectGaps(1, beforeB)
		for i, n := range []*clusterNode{a, b} {
			n.say("room.1", fmt.Sprint(i))
			for _, c := range []*client{ann, bob, amy, ben} {
				c.expect(fmt.Sprint(i))
			}
		}
		if _, err := b.dial().since("room.1", before); err != topics.ErrGap {
			t.Errorf("since a position of before: %v", err)
		}
	})
}

// A message that does not come is noticed by the next one, or by the number that a quiet publisher repeats.
func TestAcross_AMissingMessageIsNoticed(t *testing.T) {
	for _, next := range []bool{true, false} {
		t.Run(fmt.Sprint("next=", next), func(t *testing.T) {
			t.Parallel()
			forBrokers(t, func(t *testing.T, memory *brokertest.Memory, add func(topics.History) *clusterNode) {
				memory.Drop = func(p topics.Packet, node string) bool { return bytes.Contains(p.Data, []byte("dropped")) }
				a, b := add(kept), add(kept)
				bob := b.member("room.1")
				a.say("room.1", "1")
				bob.expect("1")
				before := bob.at
				a.say("room.1", "dropped")
				if next {
					a.say("room.1", "3")
				}
				switch {
				case !a.recorder():
					b.expectGaps(1, before)
					if next {
						bob.expect("3")
					}
				case next:
					bob.expect("dropped 3")
				default:
					bob.expect("dropped")
				}
			})
		})
	}
}

// What a broker brings that no Topics has made is counted, and logged once.
func TestAcross_ForeignBytesAreRefused(t *testing.T) {
	memory := new(brokertest.Memory)
	var log bytes.Buffer
	a := newNode(t, memory.Broker(), topics.History{})
	a.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))
	ann := a.member("room.1")
	b := memory.Broker()
	other := &topics.Topics{Broker: b, Logger: quiet}
	defer other.Close()
	_, _ = other.Publish("room.2", conn.Message{Type: conn.Text})
	await(t, "a connection", func() bool { return other.Stats().Broker.Up })
	for _, data := range []string{"", "hello", "\xf5\x01", "\xf5\x09aaaaaaaa\x01\x01", "\xf5\x01aaaaaaaa\x01\x01\xff", "\xf5\x01aaaaaaaa\x01\x02\x00\x00\xff"} {
		if _, err := b.Publish(t.Context(), []topics.Packet{{Topic: "room.1", Data: []byte(data)}}); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "six are counted", func() bool { return a.Stats().Broker.Foreign == 6 })
	place := topics.Packet{Topic: "room.1", Data: []byte("\xf5\x01aaaaaaaa\x01\x01\x00\x00x"), At: topics.Position{Epoch: 7}}
	if _, err := b.Publish(t.Context(), []topics.Packet{place}); err != nil {
		t.Fatal(err)
	}
	await(t, "a message at no offset is one more", func() bool { return a.Stats().Broker.Foreign == 7 })
	a.say("room.1", "x")
	ann.expect("x")
	a.Close()
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("%d lines: %s", n, &log)
	}
}

// refusingBroker refuses interest in some topics, and connects when it may.
type refusingBroker struct {
	*brokertest.Node
	connects chan struct{}
	refused  atomic.Int64
}

func (b *refusingBroker) Run(ctx context.Context, n topics.Node) error {
	select {
	case <-b.connects:
		return b.Node.Run(ctx, n)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *refusingBroker) Interest(ctx context.Context, on, off []string) error {
	for _, name := range on {
		if strings.HasPrefix(name, "forbidden.") {
			b.refused.Add(1)
			return errors.New("no rights")
		}
	}
	return b.Node.Interest(ctx, on, off)
}

// A topic that the broker refuses keeps no other out. While the first connection takes too long, members of a
// node hear each other.
func TestAcross_ABrokerThatRefusesAndIsSlow(t *testing.T) {
	t.Parallel()
	memory := new(brokertest.Memory)
	b := &refusingBroker{Node: memory.Broker(), connects: make(chan struct{})}
	n := newNode(t, b, topics.History{})
	n.OnGap = nil
	ann := n.dial()
	for i := range 100 {
		if _, err := n.Subscribe(ann.conn, fmt.Sprint("room.", i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := n.Subscribe(ann.conn, "forbidden.1"); err != nil {
		t.Fatal(err)
	}
	amy := n.member("room.7") // answered, though there is no connection
	n.say("room.7", "1")
	amy.expect("1")
	ann.expect("1")
	close(b.connects)
	other := newNode(t, memory.Broker(), topics.History{})
	await(t, "interest of all other topics", func() bool {
		for i := range 100 {
			other.say(fmt.Sprint("room.", i), "x")
		}
		ann.look()
		return len(ann.read) >= 100
	})
	if b.refused.Load() == 0 {
		t.Error("nothing was refused")
	}
}

// Whoever waits for an answer and leaves, or is cut off, gets none and is no member. Nothing is left of it.
func TestAcross_WaitingEnds(t *testing.T) {
	forBrokers(t, func(t *testing.T, memory *brokertest.Memory, add func(topics.History) *clusterNode) {
		n := add(kept)
		stay, leave, gone := n.dial(), n.dial(), n.dial()
		memory.SetDown(true)
		await(t, "the loss", func() bool { return !n.Stats().Broker.Up })
		memory.SetDown(false)
		n.awaitUp(0)
		answered := map[*client]int{}
		for _, c := range []*client{stay, leave, gone} {
			if err := n.SubscribeSince(c.conn, "room.1", topics.Position{}, func(topics.Position, error) { answered[c]++ }); err != nil {
				t.Fatal(err)
			}
		}
		if err := n.Unsubscribe(leave.conn, "room.1"); err != nil {
			t.Error(err)
		}
		if err := n.Unsubscribe(leave.conn, "room.1"); err != topics.ErrNotSubscribed {
			t.Error(err)
		}
		gone.conn.Abort()
		await(t, "an answer", func() bool { n.sim.Settle(); return answered[stay] == 1 })
		n.say("room.1", "1")
		stay.expect("1")
		leave.expect("")
		if answered[leave] > 0 && n.Count("room.1") != 1 || answered[gone] > 1 || n.Count("room.1") != 1 {
			t.Errorf("answers %v, %d members", answered, n.Count("room.1"))
		}
		stay.Reset()
		n.sim.Settle()
		await(t, "no topics", func() bool { return n.Stats().Topics == 0 || !n.recorder() })
	})
}
