package topics

import (
	"fmt"
	"strings"
	"testing"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/servertest"
)

var allPolicies = []conn.Overflow{conn.OverflowClose, conn.OverflowRefuse, conn.OverflowDropOldest, conn.OverflowLatest}

// narrow is a world with one client, whose connection has that policy and 16 KiB of MaxPending, and who takes nothing: something waits for
// it. Losses go to lost.
func narrow(t *testing.T, policy conn.Overflow, lost chan Lost) (*world, *servertest.Client) {
	t.Helper()
	h := &Topics{History: keep(History{Messages: 1000}), Logger: quiet, OnLost: func(l Lost) { lost <- l }}
	limits := server.Limits{Limits: conn.Limits{MaxPending: 16 << 10, MaxMessageSize: 15 << 10}}
	w, cl := newWorld(t, h, &server.Server{Limits: limits, Overflow: policy}, 1)
	cl[0].Pause()
	for w.conns[0].Pending() == 0 {
		_ = w.conns[0].SendText("filling" + strings.Repeat("-", 900))
		w.sim.Settle()
	}
	return w, cl[0]
}

// publishTen publishes ten messages, which take 60 % of MaxPending or more, and returns the position before.
func (w *world) publishTen(topic string) (before Position) {
	for i := range 10 {
		at := w.publish(topic, fmt.Sprint(topic, i, strings.Repeat("x", 1000)))
		if i == 0 {
			before = Position{at.Epoch, 0}
		}
	}
	return before
}

// count is how many messages with that beginning a client has received, and whether those are in order.
func (w *world) count(c *servertest.Client, all *[]string, begin string) int {
	w.t.Helper()
	*all = append(*all, strings.Fields(w.read(c))...)
	n := 0
	for _, m := range *all {
		if strings.HasPrefix(m, begin) {
			if !strings.HasPrefix(m, fmt.Sprint(begin, n)) {
				w.t.Errorf("message %d of %s is %.10s", n, begin, m)
			}
			n++
		}
	}
	return n
}

// Two topics that fit one by one, and not together: the answer about the second says so. It is not sent a part, nor nothing behind an
// answer that says nothing is missing.
func TestSubscribeSince_CountsWhatOtherTopicsSend(t *testing.T) {
	for _, policy := range allPolicies {
		t.Run(policy.String(), func(t *testing.T) {
			lost := make(chan Lost, 100)
			w, cl := narrow(t, policy, lost)
			c := w.conns[0]
			a, b := w.publishTen("a"), w.publishTen("b")
			w.since(c, "a", a, nil)
			w.since(c, "b", b, ErrTooMuch)
			w.sim.Settle()
			expect(t, "state", c.State(), conn.Open)
			expect(t, "members of a", w.Count("a"), 1)
			expect(t, "members of b", w.Count("b"), 0)
			expect(t, "subscriptions", w.Stats().Subscriptions, 1)
			w.publish("b", "b-not for it")
			cl.Resume()
			var all []string
			expect(t, "messages of a", w.count(cl, &all, "a"), 10)
			expect(t, "messages of b", w.count(cl, &all, "b"), 0)
			w.since(c, "b", b, nil)
			w.sim.Settle()
			_ = w.read(cl)
			expect(t, "losses", len(lost), 0)
		})
	}
}

// What merely waits for the loop's turn is no reason to refuse: it is sent.
func TestSubscribeSince_MakesRoomBySending(t *testing.T) {
	h := &Topics{History: keep(History{Messages: 1000})}
	w, cl := newWorld(t, h, &server.Server{Limits: server.Limits{Limits: conn.Limits{MaxPending: 16 << 10, MaxMessageSize: 4 << 10}}}, 1)
	var all []string
	for _, topic := range []string{"a", "b", "c", "d"} {
		w.since(w.conns[0], topic, w.publishTen(topic), nil)
	}
	for _, topic := range []string{"a", "b", "c", "d"} {
		expect(t, "messages of "+topic, w.count(cl[0], &all, topic), 10)
	}
}

// What merely waits when the call is made is no reason either: it will have been sent by the loop's turn.
func TestSubscribeSince_IsNotRefusedForWhatWaitsForTheTurn(t *testing.T) {
	h := &Topics{History: keep(History{Messages: 1000})}
	w, cl := newWorld(t, h, &server.Server{Limits: server.Limits{Limits: conn.Limits{MaxPending: 16 << 10, MaxMessageSize: 4 << 10}}}, 1)
	since := w.publishTen("a")
	expect(t, "do", w.conns[0].Do(func(c *conn.Conn) {
		for range 10 {
			expect(t, "send", c.SendText("reply"+strings.Repeat("-", 1000)), nil)
		}
		w.since(c, "a", since, nil)
	}), nil)
	var all []string
	expect(t, "messages", w.count(cl[0], &all, "a"), 10)
}

// Messages count with the bytes that they take, so that many short ones fit.
func TestSubscribeSince_CountsWhatMessagesTake(t *testing.T) {
	for n, want := range map[int]error{100: nil, 101: ErrTooMuch} {
		h := &Topics{History: keep(History{Messages: 1000})}
		limits := server.Limits{Limits: conn.Limits{MaxPending: 1000, MaxMessageSize: 100}}
		w, cl := newWorld(t, h, &server.Server{Limits: limits}, 1)
		at := w.publish("a", "01234567")
		for range n {
			w.publish("a", "01234567") // ten bytes, with the header
		}
		w.since(w.conns[0], "a", at, want)
		if want != nil {
			n = 0
		}
		expect(t, "messages", len(strings.Fields(w.read(cl[0]))), n)
	}
}

// An answer that sends so much that what was missed has no room leaves that to the policy. The default closes, so that the client comes
// back.
func TestSubscribeSince_AnswerThatFillsTheConnection(t *testing.T) {
	for _, policy := range allPolicies {
		t.Run(policy.String(), func(t *testing.T) {
			lost := make(chan Lost, 100)
			w, cl := narrow(t, policy, lost)
			c := w.conns[0]
			since := w.publishTen("a")
			if err := w.SubscribeSince(c, "a", since, func(_ Position, err error) {
				expect(t, "answer", err, nil)
				_ = c.SendText("reply" + strings.Repeat("-", 10_000))
			}); err != nil {
				t.Fatal(err)
			}
			w.sim.Settle()
			var all []string
			switch policy {
			case conn.OverflowRefuse:
				expect(t, "state", c.State(), conn.Open)
				expect(t, "lost", (<-lost).Since, since)
				cl.Resume()
				expect(t, "messages", w.count(cl, &all, "a0"), 0)
			case conn.OverflowDropOldest:
				expect(t, "state", c.State(), conn.Open)
				cl.Resume()
				expect(t, "messages", w.count(cl, &all, "a"), 10)
			default:
				if c.State() == conn.Open {
					t.Error("the connection misses something, and is open")
				}
				cl.Resume()
				expect(t, "messages", w.count(cl, &all, "a0"), 0)
			}
		})
	}
}

// A Writer that is open has half of MaxPending to itself. What does not fit into the other half is refused as a whole.
func TestSubscribeSince_LeavesAWriterItsHalf(t *testing.T) {
	for _, policy := range allPolicies {
		t.Run(policy.String(), func(t *testing.T) {
			lost := make(chan Lost, 100)
			w, cl := narrow(t, policy, lost)
			c := w.conns[0]
			since := w.publishTen("a")
			out, err := c.NewWriter(conn.Text)
			expect(t, "writer", err, nil)
			_, _ = out.WriteString("long ")
			expect(t, "flush", out.Flush(), nil)
			w.since(c, "a", since, ErrTooMuch)
			w.sim.Settle()
			w.since(c, "a", Position{since.Epoch, 5}, nil) // half of it fits
			w.sim.Settle()
			expect(t, "state", c.State(), conn.Open)
			expect(t, "close", out.Close(), nil)
			cl.Resume()
			all := strings.Fields(w.read(cl))
			if n := len(all); n < 6 || !strings.HasPrefix(all[n-5], "a5") || strings.HasPrefix(all[n-6], "a") {
				t.Errorf("the client has read %.4q", all)
			}
			expect(t, "losses", len(lost), 0)
		})
	}
}

// By default a member is not left with a hole either where the program's own Writer is in the way of a large message.
func TestPublish_BehindAWriterLeavesNoHole(t *testing.T) {
	for _, policy := range allPolicies {
		t.Run(policy.String(), func(t *testing.T) {
			lost := make(chan Lost, 100)
			w, _ := narrow(t, policy, lost)
			c := w.conns[0]
			at := w.subscribe(c, "a")
			out, _ := c.NewWriter(conn.Text)
			_, _ = out.WriteString("long ")
			expect(t, "flush", out.Flush(), nil)
			w.publish("a", strings.Repeat("x", 9<<10))
			w.sim.Settle()
			switch policy {
			case conn.OverflowRefuse, conn.OverflowDropOldest:
				expect(t, "state", c.State(), conn.Open)
				expect(t, "lost", (<-lost).Since, at)
			default:
				if c.State() == conn.Open {
					t.Error("the connection misses something, and is open")
				}
			}
		})
	}
}

// What keys take of MaxPending counts too.
func TestSubscribeSince_CountsKeys(t *testing.T) {
	lost := make(chan Lost, 100)
	w, cl := narrow(t, conn.OverflowLatest, lost)
	c := w.conns[0]
	since := w.publishTen("a")
	for i := range 120 { // of 64 bytes each, and a few more
		_ = c.SendMessage(conn.Message{Type: conn.Text, Payload: []byte("k"), Key: fmt.Sprint(i)})
	}
	w.since(c, "a", since, ErrTooMuch)
	w.sim.Settle()
	expect(t, "state", c.State(), conn.Open)
	cl.Resume()
	var all []string
	expect(t, "messages", w.count(cl, &all, "a"), 0)
}

// A member that asks again, or whom another call has made one, stays a member when there is no room.
func TestSubscribeSince_AMemberWithoutRoomStays(t *testing.T) {
	w, cl := narrow(t, conn.OverflowClose, make(chan Lost, 100))
	c := w.conns[0]
	a, b, d, e := w.publishTen("a"), w.publishTen("b"), w.publishTen("d"), w.publishTen("e")
	w.subscribe(c, "d")
	w.since(c, "a", a, nil)
	w.since(c, "b", b, ErrTooMuch)
	w.since(c, "d", d, ErrTooMuch)
	w.since(c, "e", e, ErrTooMuch)
	w.subscribe(c, "e") // it is a member from here on, whatever becomes of the call before
	w.sim.Settle()
	for topic, want := range map[string]int{"a": 1, "b": 0, "d": 1, "e": 1} {
		expect(t, "members of "+topic, w.Count(topic), want)
		if topic != "a" {
			w.publish(topic, topic+"0")
		}
	}
	cl.Resume()
	var all []string
	expect(t, "messages of b", w.count(cl, &all, "b"), 0)
	expect(t, "messages of d", w.count(cl, &all, "d"), 1)
	expect(t, "messages of e", w.count(cl, &all, "e"), 1)
	expect(t, "messages of a", w.count(cl, &all, "a"), 10)
}

// Unsubscribe ends a call that has no answer yet, whatever the answer would be. Nothing is sent for it.
func TestUnsubscribe_EndsCallsWithoutAnAnswer(t *testing.T) {
	h := &Topics{History: keep(History{Messages: 10})}
	w, cl := newWorld(t, h, &server.Server{}, 1)
	c := w.conns[0]
	at := w.publish("a", "1")
	w.publish("a", "2")
	never := func(at Position, err error) { t.Errorf("an answer behind Unsubscribe: %v, %v", at, err) }
	ask := func(since Position) {
		t.Helper()
		expect(t, "since", w.SubscribeSince(c, "a", since, never), nil)
	}
	for what, since := range map[string]Position{"which would be a member": at, "with a gap": {at.Epoch, 99}} {
		ask(since)
		expect(t, "unsubscribe a call "+what, w.Unsubscribe(c, "a"), nil)
		expect(t, "again", w.Unsubscribe(c, "a"), ErrNotSubscribed)
		w.expect(cl[0], "")
		expect(t, "members", w.Count("a"), 0)
	}
	w.subscribe(c, "a")
	w.sim.Settle()
	ask(at) // of a member
	ask(at)
	expect(t, "unsubscribe", w.Unsubscribe(c, "a"), nil)
	w.subscribe(c, "a")
	w.publish("a", "3")
	w.expect(cl[0], "3")
	expect(t, "calls that wait", h.known(c).shard.asks.Load(), 0)
	expect(t, "operations that wait", len(h.known(c).unanswered), 0)
}

// Calls that are not answered yet are bounded: in number for each connection, and in bytes for each loop.
func TestSubscribeSince_CallsWithoutAnAnswerAreBounded(t *testing.T) {
	h := &Topics{History: keep(History{Messages: 100}), MaxTopics: 3, MaxBacklog: 2 << 10}
	w, _ := newWorld(t, h, &server.Server{Loops: 1}, 3)
	at := w.publishTen("a")
	answers := 0
	ask := func(c *conn.Conn, since Position) error {
		return w.SubscribeSince(c, "a", since, func(Position, error) { answers++ })
	}
	for range 3 {
		expect(t, "one of a few", ask(w.conns[0], Position{at.Epoch, 10}), nil)
	}
	expect(t, "one more", ask(w.conns[0], at), ErrTooManyTopics)
	w.sim.Settle()
	expect(t, "answers", answers, 3)
	busy := false
	for i := range 3 * 3 {
		err := ask(w.conns[i/3], at)
		busy = busy || err == ErrBusy
		if err != nil && err != ErrBusy {
			t.Error(err)
		}
	}
	if s := h.known(w.conns[0]).shard; !busy || s.asks.Load() > 3<<10 {
		t.Errorf("%d bytes of calls wait; one has failed: %v", s.asks.Load(), busy)
	}
	w.publish("a", "which they keep from nobody")
	w.sim.Settle()
	expect(t, "bytes that wait", h.known(w.conns[0]).shard.asks.Load(), 0)
	expect(t, "one when none wait", ask(w.conns[1], Position{at.Epoch, 10}), nil)
	w.sim.Settle()
}
