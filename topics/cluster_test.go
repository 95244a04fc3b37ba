package topics_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/servertest"
	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/brokertest"
)

var quiet = slog.New(slog.DiscardHandler)

// ends is a broker's end that a test can cut.
type ends interface {
	topics.Broker
	Cut()
}

// clusterNode is a process: Topics, and a simulated server.
type clusterNode struct {
	*topics.Topics
	t      *testing.T
	broker ends
	sim    *servertest.Sim
	conns  []*conn.Conn

	gaps []topics.Position // that were reported
}

// brokers are the brokers that most tests run with.
var brokers = map[string]func(*brokertest.Memory) ends{
	"broker":   func(m *brokertest.Memory) ends { return m.Broker() },
	"recorder": func(m *brokertest.Memory) ends { return m.Recorder() },
	"holes":    func(m *brokertest.Memory) ends { return m.Recorder() },
}

// memoryOf is the memory of one of the brokers.
func memoryOf(name string) *brokertest.Memory { return &brokertest.Memory{Sparse: name == "holes"} }

// forBrokers runs a test with each broker, and a function that makes nodes.
func forBrokers(t *testing.T, test func(t *testing.T, memory *brokertest.Memory, add func(topics.History) *clusterNode)) {
	for name, end := range brokers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			memory := memoryOf(name)
			test(t, memory, func(keep topics.History) *clusterNode { return newNode(t, end(memory), keep) })
		})
	}
}

func newNode(t *testing.T, broker ends, keep topics.History) *clusterNode {
	n := &clusterNode{t: t, broker: broker}
	n.Topics = &topics.Topics{Broker: broker, Logger: quiet, Stamp: stamp}
	n.HangsAfter(time.Hour) // a machine with other work holds up calls too
	n.History = func(string) topics.History { return keep }
	n.OnGap = func(c *conn.Conn, topic string, at topics.Position) {
		if topic != "room.1" || c.State() != conn.Open {
			t.Errorf("a gap of %q, to a connection that is %v", topic, c.State())
		}
		n.gaps = append(n.gaps, at)
	}
	srv := &server.Server{Logger: quiet, Loops: 2}
	srv.OnConnection = func(c *conn.Conn) { n.conns = append(n.conns, c) }
	n.sim = servertest.New(1, srv)
	t.Cleanup(func() {
		n.Close()
		if err := n.sim.Close(); err != nil {
			t.Error(err)
		}
		if s := n.Stats(); s.Subscriptions != 0 {
			t.Errorf("%d subscriptions are left", s.Subscriptions)
		}
	})
	return n
}

// stamp puts the position before a text.
func stamp(_ string, at topics.Position, m conn.Message) conn.Message {
	m.Payload = fmt.Appendf(nil, "%v|%s", at, m.Payload)
	return m
}

// plain is a text without its position.
func plain(s string) string {
	if _, text, ok := strings.Cut(s, "|"); ok {
		return text
	}
	return s
}

// client is a client, with all that it has read.
type client struct {
	*servertest.Client
	node *clusterNode
	conn *conn.Conn
	read []string // without positions
	at   topics.Position
}

func (n *clusterNode) dial() *client {
	before := len(n.conns)
	c := &client{Client: n.sim.Dial("/"), node: n}
	await(n.t, "a connection", func() bool { n.sim.Settle(); return len(n.conns) > before })
	c.conn = n.conns[len(n.conns)-1]
	return c
}

// since has a client subscribe, and returns the answer.
func (c *client) since(topic string, since topics.Position) (at topics.Position, err error) {
	c.node.t.Helper()
	answered := false
	if err := c.node.SubscribeSince(c.conn, topic, since, func(p topics.Position, e error) { answered, at, err = true, p, e }); err != nil {
		return at, err
	}
	await(c.node.t, "an answer", func() bool { c.node.sim.Settle(); return answered })
	return at, err
}

// member is a new client that is a member of a topic.
func (n *clusterNode) member(topic string) *client {
	n.t.Helper()
	c := n.dial()
	at, err := c.since(topic, topics.Position{})
	if err != nil {
		n.t.Fatalf("subscribe: %v", err)
	}
	c.at = at
	return c
}

// say publishes a text.
func (n *clusterNode) say(topic, text string) {
	n.t.Helper()
	if _, err := n.Publish(topic, conn.Message{Type: conn.Text, Payload: []byte(text)}); err != nil {
		n.t.Errorf("publish: %v", err)
	}
}

// look reads what has arrived.
func (c *client) look() {
	c.node.sim.Settle()
	for m, ok := c.Next(); ok; m, ok = c.Next() {
		if at, _, ok := strings.Cut(m.String(), "|"); ok {
			if err := c.at.UnmarshalText([]byte(at)); err != nil {
				c.node.t.Error(err)
			}
		}
		c.read = append(c.read, plain(m.String()))
	}
}

// expect waits until a client has read that, and nothing else.
func (c *client) expect(want string) {
	c.node.t.Helper()
	n := len(strings.Fields(want))
	deadline := time.Now().Add(patience)
	for c.look(); len(c.read) < n && time.Now().Before(deadline); c.look() {
		time.Sleep(time.Millisecond)
	}
	if got := strings.Join(c.read, " "); got != want {
		c.node.t.Errorf("read %q, want %q", got, want)
	}
	c.read = nil
}

// patience is how long a condition may take.
const patience = 2 * time.Minute

func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: this does not happen", what)
		}
	}
}

// isUp waits until a node's broker is connected, for the n-th time after so many losses.
func (n *clusterNode) awaitUp(losses uint64) {
	n.t.Helper()
	await(n.t, "a connection", func() bool { s := n.Stats().Broker; return s.Up && s.Losses >= losses })
}
