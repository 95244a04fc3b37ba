package topics

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
)

// idleBroker is a broker of one node, to which nothing comes but what the test brings.
type idleBroker struct{ node chan Node }

func (b idleBroker) Run(ctx context.Context, n Node) error {
	n.Up()
	b.node <- n
	<-ctx.Done()
	return ctx.Err()
}

func (idleBroker) Publish(_ context.Context, ms []Packet) (int, error) { return len(ms), nil }

func (idleBroker) Interest(context.Context, []string, []string) error { return nil }

// A loop that is behind, and takes as much as it can, has a gap for many messages that it was not given, and not for each: a member hears of
// it once until there is room for many again. It is told of all that it does not get, before what comes behind that.
func TestBehind_OneGapForManyMessages(t *testing.T) {
	const members = 2048 // so that a turn carries out one operation
	h := newHost(members)
	defer h.close()
	broker := idleBroker{make(chan Node, 1)}
	topics := &Topics{Broker: broker, MaxBacklog: 64 << 10}
	defer topics.Close()
	first := connOf(&h.all[0].Conn)
	gaps := 0
	topics.OnGap = func(c *conn.Conn, _ string, at Position) {
		if c == first {
			gaps++
		}
	}
	h.allSubscribe(t, topics, "a")
	node := <-broker.node
	of := topics.lookup("a", false)
	confirmed := func() bool { of.mu.Lock(); defer of.mu.Unlock(); return of.across.confirmed }
	for deadline := time.Now().Add(30 * time.Second); !confirmed(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the broker has not confirmed")
		}
	}
	n := uint64(0)
	receive := func() {
		n++
		body := bodyOf(conn.Message{Type: conn.Binary, Payload: make([]byte, 1000)})
		node.Receive(Packet{Topic: "a", Data: header{kindMessage, 1, number{1, n}}.before(body)})
	}
	for topics.Stats().Broker.Dropped == 0 {
		receive()
	}
	for range 300 {
		h.turnOnce()
		receive()
		receive()
	}
	h.turn()
	s := topics.Stats()
	t.Logf("%d messages, %d dropped, %d gaps, %d delivered", n, s.Broker.Dropped, gaps, s.Delivered/members)
	expect(t, "messages", s.Delivered/members+s.Broker.Dropped, n)
	if gaps == 0 || uint64(gaps) > s.Broker.Dropped/8 {
		t.Errorf("a member hears of %d gaps, of %d messages", gaps, s.Broker.Dropped)
	}
	receive()
	h.turn()
	expect(t, "delivered", fmt.Sprint(topics.Stats().Delivered/members), fmt.Sprint(s.Delivered/members+1))
}

// What Publish takes for a Recorder comes back, and is not dropped then for the node's own members: Publish fails while their loop is behind.
func TestBehind_PublishToARecordedTopicFails(t *testing.T) {
	h := newHost(1)
	defer h.close()
	r := newQuiet()
	close(r.connects)
	topics := &Topics{Broker: r, MaxBacklog: 64 << 10, History: keep(History{Messages: 5})}
	defer topics.Close()
	h.allSubscribe(t, topics, "a")
	of := topics.lookup("a", false)
	awaitThat(t, "the Recorder's position", of.settled)
	s := of.parts[0].shard
	publish := func(backlog int64, behind bool) error {
		s.backlog.Add(backlog)
		defer s.backlog.Add(-backlog)
		s.behind.Store(behind)
		_, err := topics.Publish("a", text("hello"))
		return err
	}
	expect(t, "behind, with a quarter free", publish(48<<10, true), ErrBusy)
	expect(t, "behind, with more than half free", publish(16<<10, true), nil)
	expect(t, "not behind, with a quarter free", publish(48<<10, false), nil)
	expect(t, "with nothing free", publish(64<<10, false), ErrBusy)
}
