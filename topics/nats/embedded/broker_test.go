package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/test/port"
	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/nats"
	client "github.com/nats-io/nats.go"
)

func TestBroker_CarriesMessagesToOtherNodes(t *testing.T) {
	s := newProcess(t)
	a, b := up(t, &nats.Broker{URL: s.url()}), up(t, &nats.Broker{URL: s.url()})
	other := up(t, &nats.Broker{URL: s.url(), Prefix: "other.program"})
	for _, n := range []*node{a, b, other} {
		n.interest("rooms.1", "all.>")
	}
	a.publish("rooms.1", topics.History{}, "1", "2", "3")
	a.publish("rooms.2", topics.History{}, "nobody wants it")
	a.publish("all.of.it", topics.History{}, "4")
	b.hears("rooms.1", "1 2 3")
	b.hears("", "1 2 3 4")
	if err := b.broker.Interest(t.Context(), []string{"rooms.3"}, []string{"rooms.1", "never"}); err != nil {
		t.Fatal(err)
	}
	a.publish("rooms.1", topics.History{}, "5")
	a.publish("rooms.3", topics.History{}, "6")
	b.hears("", "1 2 3 4 6")
	if got := text(a.got("")) + text(other.got("")); got != "" {
		t.Errorf("a node's own messages, or those of another program: %q", got)
	}
	if p := b.got("")[0]; p.At != (topics.Position{}) || p.Topic != "rooms.1" {
		t.Errorf("%+v", p)
	}
}

func TestBroker_RefusesCallsWhileItIsDown(t *testing.T) {
	b := &nats.Broker{URL: "nats://" + port.Free(t)}
	n := newNode(t, b)
	if err := b.Run(t.Context(), n); err == nil || n.ups != 0 {
		t.Error("there is no server, and Run returns ", err)
	}
	if _, err := b.Publish(t.Context(), []topics.Packet{{Topic: "a"}}); err == nil {
		t.Error("Publish without a connection")
	}
	if err := b.Interest(t.Context(), []string{"a"}, nil); err == nil {
		t.Error("Interest without a connection")
	}
	if _, _, err := new(nats.Recorder).Since(t.Context(), "a", topics.History{}, topics.Position{}, 1); err == nil {
		t.Error("Since without a connection")
	}
}

func TestBroker_RunEndsWithItsContext(t *testing.T) {
	s := newProcess(t)
	n := up(t, &nats.Broker{URL: s.url()})
	n.cancel()
	if err := n.over(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := n.broker.Run(ctx, n); !errors.Is(err, context.Canceled) || n.ups != 1 {
		t.Error(err)
	}
}

func TestBroker_RunEndsWithTheServer(t *testing.T) {
	s := newProcess(t)
	n := up(t, &nats.Broker{URL: s.url()})
	n.interest("a")
	s.kill()
	if err := n.over(); err == nil {
		t.Error("without a reason")
	}
	s.start()
	n.run()
	other := up(t, &nats.Broker{URL: s.url()})
	other.publish("a", topics.History{}, "lost: no interest yet")
	n.interest("a")
	other.publish("a", topics.History{}, "1")
	n.hears("a", "1")
}

// A network that swallows everything says nothing. Pings notice, and so does what waits for an answer.
func TestBroker_RunEndsInAPartition(t *testing.T) {
	s := newProcess(t)
	p := newProxy(t, s.addr)
	n := up(t, &nats.Broker{URL: p.url(), Options: alert()})
	p.partition(true)
	if taken, err := n.broker.Publish(t.Context(), []topics.Packet{{Topic: "a", Data: []byte("1")}}); err == nil || taken != 0 {
		t.Errorf("%d taken into a hole: %v", taken, err)
	}
	if err := n.over(); err == nil {
		t.Error("without a reason")
	}
	p.partition(false)
	n.run()
	n.publish("a", topics.History{}, "1")
}

// A server that accepts and says nothing holds Run up no longer than ctx does.
func TestBroker_ConnectingEndsWithItsContext(t *testing.T) {
	s := newProcess(t)
	p := newProxy(t, s.addr)
	p.partition(true)
	n := newNode(t, &nats.Broker{URL: p.url(), Options: []client.Option{client.Timeout(time.Hour)}})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- n.broker.Run(ctx, n) }()
	eventually(t, "it is connected to nobody", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.conns) > 0
	})
	cancel()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	case <-time.After(long):
		t.Fatal("Run does not end")
	}
}

func TestBroker_InformsASlowNode(t *testing.T) {
	s := newProcess(t)
	slow := newNode(t, &nats.Broker{URL: s.url(), MaxInbox: 100_000})
	slow.slow = make(chan struct{})
	slow.run()
	fast := up(t, &nats.Broker{URL: s.url()})
	slow.interest("a", "b")
	big := strings.Repeat("x", 1000)
	for range 10 {
		fast.publish("a", topics.History{}, strings.Fields(strings.Repeat(big+" ", 30))...)
	}
	fast.publish("b", topics.History{}, "1")
	eventually(t, "all has arrived", func() bool { return slow.broker.Interest(t.Context(), []string{"c"}, nil) == nil })
	close(slow.slow)
	eventually(t, "the gap is reported", func() bool {
		slow.mu.Lock()
		defer slow.mu.Unlock()
		return len(slow.gaps) > 0
	})
	// A few more than fit may come when it takes some again.
	if n := len(slow.got("")); n < 50 || n >= 300 {
		t.Errorf("%d messages of 300 were kept", n)
	}
	fast.publish("c", topics.History{}, "2")
	slow.hears("c", "2")
}

// What a server has not the right to give is an error of the call that asks for it.
func TestBroker_ReportsWhatIsNotPermitted(t *testing.T) {
	s := newProcess(t)
	s.kill()
	s.configure(`authorization { users = [{ user: u, password: p, permissions: { subscribe: ["framerail.rooms.>", "_INBOX.>"], publish: ["framerail.rooms.>"] } }] }`)
	s.start()
	n := up(t, &nats.Broker{URL: s.url(), Options: []client.Option{client.UserInfo("u", "p")}})
	n.interest("rooms.1")
	for _, names := range [][]string{{"secret", "rooms.3"}, {"secret"}, {"secret"}} { // as often as it is asked for
		if err := n.broker.Interest(t.Context(), names, nil); !errors.Is(err, client.ErrPermissionViolation) {
			t.Errorf("%q: %v", names, err)
		}
	}
	n.interest("rooms.3")
	if _, err := n.broker.Publish(t.Context(), []topics.Packet{{Topic: "secret"}}); !errors.Is(err, client.ErrPermissionViolation) {
		t.Error(err)
	}
	n.interest("rooms.2")
	n.publish("rooms.2", topics.History{}, "1")
	if taken, err := n.broker.Publish(t.Context(), []topics.Packet{{Topic: "rooms.2"}, {Topic: "rooms.2", Data: make([]byte, 2<<20)}}); taken != 1 || !errors.Is(err, client.ErrMaxPayload) {
		t.Error(taken, err)
	}
	stranger := newNode(t, &nats.Broker{URL: s.url()})
	if err := stranger.broker.Run(t.Context(), stranger); !errors.Is(err, client.ErrAuthorization) {
		t.Error(err)
	}
}

func TestBroker_InterestInManyTopics(t *testing.T) {
	if raced {
		t.Skip("the contract's test has as many, and this one is for memory")
	}
	s := newProcess(t)
	n, other := up(t, &nats.Broker{URL: s.url()}), up(t, &nats.Broker{URL: s.url()})
	names := hundredThousand()
	for range 2 { // on a new connection too
		before := heap()
		n.interest(names...)
		t.Logf("%d bytes each", (heap()-before)/len(names))
		other.publish(names[0], topics.History{}, "first")
		other.publish(names[len(names)-1], topics.History{}, "last")
		n.hears("", "first last")
		n.stop()
		n.received = nil
		n.run()
	}
}

// hundredThousand is the names of as many topics.
func hundredThousand() []string {
	names := make([]string, 100_000)
	for i := range names {
		names[i] = fmt.Sprintf("rooms.%d.chat", i)
	}
	return names
}

// heap is what is in use.
func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
