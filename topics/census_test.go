package topics_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/brokertest"
)

// censusNode is a node whose clock a test can move, and that counts reports of changes elsewhere.
type censusNode struct {
	*clusterNode
	ahead    atomic.Int64 // of time.Now
	reported atomic.Int64
}

func newCensusNode(t *testing.T, broker ends) *censusNode {
	n := &censusNode{clusterNode: newNode(t, broker, topics.History{Presence: true})}
	n.Now = func() time.Time { return time.Now().Add(time.Duration(n.ahead.Load())) }
	n.OnChange = func(c topics.Change) {
		if len(c.Joined)+len(c.Left)+len(c.Changed) == 0 {
			n.reported.Add(1)
		}
	}
	return n
}

// census is a census as a text, with sorted values.
func census(c topics.Census) string {
	slices.Sort(c.Values)
	return fmt.Sprintf("%d on %d: %s", c.Members, c.Nodes, strings.Join(c.Values, " "))
}

func (n *censusNode) expectCensus(want string) {
	n.t.Helper()
	got := ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if got = census(n.Census("room.1")); got == want {
			return
		}
	}
	n.t.Errorf("census %q, want %q", got, want)
}

// hearAll waits until all that was published before has come: what comes after the clock was moved is news.
func (n *censusNode) hearAll(memory *brokertest.Memory) {
	c := n.member("mark")
	stranger := newStranger(n.t, memory)
	await(n.t, "a mark", func() bool {
		stranger.tell("mark", 1)
		return n.Census("mark").Nodes == 2
	})
	c.Reset()
	n.sim.Settle()
}

// stranger is a broker's end that makes up nodes.
type stranger struct {
	t    *testing.T
	node *brokertest.Node
}

func newStranger(t *testing.T, memory *brokertest.Memory) stranger {
	s := stranger{t, memory.Broker()}
	up := make(chan struct{})
	go func() { _ = s.node.Run(t.Context(), probeNode{up, nil}) }()
	<-up
	t.Cleanup(s.node.Cut)
	return s
}

// tell tells that a node has one member in a topic.
func (s stranger) tell(topic string, node uint64) {
	data := binary.BigEndian.AppendUint64([]byte{0xF5, 3}, node)
	p := topics.Packet{Topic: topic, Data: append(data, 0, 0, 1, 0, 1, 1)}
	if _, err := s.node.Publish(s.t.Context(), []topics.Packet{p}); err != nil {
		s.t.Fatal(err)
	}
}

// Nodes tell each other who is there. A node that ends is gone at once, and one that dies is gone after a while.
func TestCensus_IsOfAllNodes(t *testing.T) {
	t.Parallel()
	memory := new(brokertest.Memory)
	var silent atomic.Pointer[string] // what this node publishes is lost
	memory.Drop = func(p topics.Packet, _ string) bool {
		id := silent.Load()
		return id != nil && fmt.Sprintf("%x", p.Data[2:10]) == *id
	}
	a, b, c := newCensusNode(t, memory.Broker()), newCensusNode(t, memory.Broker()), newCensusNode(t, memory.Broker())
	ann, bob := a.member("room.1"), b.member("room.1")
	c.member("room.1")
	for name, one := range map[string]*client{"ann": ann, "bob": bob} {
		if err := one.node.SetPresence(one.conn, "room.1", name); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.SetPresence(ann.conn, "room.1", struct{}{}); err != topics.ErrPresence {
		t.Errorf("a value that is no text: %v", err)
	}
	for _, n := range []*censusNode{a, b, c} {
		n.expectCensus("3 on 3: ann bob")
	}
	await(t, "a report", func() bool { return a.reported.Load() > 0 })
	bob.Reset()
	b.sim.Settle()
	a.expectCensus("2 on 2: ann")
	c.Close()
	a.expectCensus("1 on 1: ann")

	back := b.member("room.1")
	if err := b.SetPresence(back.conn, "room.1", []byte("ben")); err != nil {
		t.Fatal(err)
	}
	a.expectCensus("2 on 2: ann ben")
	id := ""
	for p := range packetsOf(t, memory, "probe", func() { b.say("probe", "x") }) {
		id = fmt.Sprintf("%x", p.Data[2:10])
	}
	silent.Store(&id) // it dies
	a.hearAll(memory)
	a.ahead.Store(int64(31 * time.Second))
	a.expectCensus("1 on 1: ann")
	await(t, "nothing leaks", func() bool { return a.Stats().Topics == 1 })
}

// A member that leaves and comes back at once, as a page that is loaded again, is there for other nodes.
func TestCensus_OfATopicThatComesBack(t *testing.T) {
	const rooms = 20
	var mu sync.Mutex
	reported := make(map[string][]uint64) // the members of each census of b's
	var id atomic.Pointer[string]
	memory := &brokertest.Memory{Drop: func(p topics.Packet, _ string) bool {
		if id := id.Load(); p.Data[1] == 3 && id != nil && fmt.Sprintf("%x", p.Data[2:10]) == *id {
			mu.Lock()
			defer mu.Unlock()
			reported[p.Topic] = append(reported[p.Topic], membersOf(p.Data))
		}
		return false
	}}
	a, b := newCensusNode(t, memory.Broker()), newCensusNode(t, memory.Broker())
	for p := range packetsOf(t, memory, "probe", func() { b.say("probe", "x") }) {
		s := fmt.Sprintf("%x", p.Data[2:10])
		id.Store(&s)
	}
	page := b.dial()
	for i := range rooms {
		a.member(fmt.Sprint("room.", i))
		if _, err := b.Subscribe(page.conn, fmt.Sprint("room.", i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range rooms {
		await(t, "two nodes", func() bool { return a.Census(fmt.Sprint("room.", i)).Nodes == 2 })
	}
	mu.Lock()
	clear(reported)
	mu.Unlock()
	for i := range rooms {
		if err := b.Unsubscribe(page.conn, fmt.Sprint("room.", i)); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Subscribe(page.conn, fmt.Sprint("room.", i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range rooms {
		room := fmt.Sprint("room.", i)
		await(t, room+" is gone, and then there again", func() bool {
			mu.Lock()
			defer mu.Unlock()
			all := reported[room]
			return slices.Contains(all, 0) && all[len(all)-1] == 1
		})
	}
}

// membersOf is how many members a census tells.
func membersOf(data []byte) (n uint64) {
	rest := data[10:]
	for range 6 { // two of the number, then its own number, the part, the parts, the members
		var size int
		n, size = binary.Uvarint(rest)
		rest = rest[size:]
	}
	return n
}

// packetsOf are the packets of a topic that come while f runs, until there is one.
func packetsOf(t *testing.T, memory *brokertest.Memory, topic string, f func()) func(yield func(topics.Packet) bool) {
	return func(yield func(topics.Packet) bool) {
		got := make(chan topics.Packet, 10)
		probe := memory.Broker()
		up := make(chan struct{})
		go func() { _ = probe.Run(t.Context(), probeNode{up, got}) }()
		<-up
		if err := probe.Interest(t.Context(), []string{topic}, nil); err != nil {
			t.Fatal(err)
		}
		f()
		yield(<-got)
		probe.Cut()
	}
}

type probeNode struct {
	up  chan struct{}
	got chan topics.Packet
}

func (probeNode) ID() string                { return "probe" }
func (n probeNode) Up()                     { close(n.up) }
func (n probeNode) Receive(p topics.Packet) { n.got <- p }
func (probeNode) Gap(string)                {}

// Without a broker, and for topics that do not ask for it, the census is of this node.
func TestCensus_OfOneNode(t *testing.T) {
	n := newNode(t, new(brokertest.Memory).Broker(), topics.History{})
	n.Broker = nil
	if got := census(n.Census("room.1")); got != "0 on 0: " {
		t.Error(got)
	}
	c := n.member("room.1")
	if err := n.SetPresence(c.conn, "room.1", 7); err != nil {
		t.Error(err)
	}
	if got := census(n.Census("room.1")); got != "1 on 1: " {
		t.Error(got)
	}
}

// A census of very many values comes in parts.
func TestCensus_InParts(t *testing.T) {
	t.Parallel()
	memory := new(brokertest.Memory)
	a, b := newCensusNode(t, memory.Broker()), newCensusNode(t, memory.Broker())
	a.member("room.1")
	var want []string
	for i := range 20 {
		c := b.member("room.1")
		want = append(want, fmt.Sprint(i, strings.Repeat("x", 10_000)))
		if err := b.SetPresence(c.conn, "room.1", want[i]); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(want)
	a.expectCensus("21 on 2: " + strings.Join(want, " "))
}

// Nodes that a stranger makes up take a bounded room, and no longer than nodes that have died.
func TestCensus_OfNodesThatAreMadeUp(t *testing.T) {
	memory := new(brokertest.Memory)
	a := newCensusNode(t, memory.Broker())
	a.member("room.1")
	a.awaitUp(0)
	stranger := newStranger(t, memory)
	await(t, "interest", func() bool {
		for i := range uint64(5000) {
			stranger.tell("room.1", i)
		}
		return a.Census("room.1").Nodes > 4000
	})
	a.hearAll(memory)
	a.say("room.1", "x")
	if n := a.Census("room.1").Nodes; n > 4097 {
		t.Errorf("%d nodes", n)
	}
	a.ahead.Store(int64(31 * time.Second))
	a.expectCensus("1 on 1: ")
}

// 100,000 topics are asked for in one call, and again in one call after the connection was lost.
func TestAcross_ManyTopicsInOneCall(t *testing.T) {
	const topicsOfEach, clients = 1000, 100
	counted := &countingBroker{Node: new(brokertest.Memory).Broker()}
	n := newNode(t, counted, topics.History{})
	n.OnGap = nil
	var all []*conn.Conn
	for range clients {
		all = append(all, n.dial().conn)
	}
	n.awaitUp(0)
	await(t, "quiet", func() bool { return n.Stats().Broker.OutboxBytes == 0 })
	for i, c := range all {
		for j := range topicsOfEach {
			if _, err := n.Subscribe(c, fmt.Sprint("many.", i, ".", j)); err != nil {
				t.Fatal(err)
			}
		}
	}
	n.sim.Settle()
	await(t, "all interest", func() bool { return counted.names.Load() >= clients*topicsOfEach })
	began := time.Now()
	counted.calls.Store(0)
	counted.names.Store(0)
	counted.Cut()
	await(t, "all interest again", func() bool { return counted.names.Load() >= clients*topicsOfEach })
	t.Logf("%d names in %d calls, %v after the loss", counted.names.Load(), counted.calls.Load(), time.Since(began))
	if calls := counted.calls.Load(); calls != 1 {
		t.Errorf("%d calls", calls)
	}
}

// countingBroker counts what it is asked for.
type countingBroker struct {
	*brokertest.Node
	calls, names atomic.Int64
}

func (b *countingBroker) Interest(ctx context.Context, on, off []string) error {
	err := b.Node.Interest(ctx, on, off)
	b.calls.Add(1)
	b.names.Add(int64(len(on)))
	return err
}
