package topics_test

import (
	"fmt"
	"maps"
	"strings"

	"github.com/framerail/framerail/topics"
)

// modelClient is a client. While it is away node is nil.
type modelClient struct {
	*client
	on     *modelNode
	at     topics.Position
	asked  bool          // the node has not answered
	unsure bool          // it is new, or has lost something, and skips what comes before it begins anew
	hole   string        // what it has noticed to be missing since it began
	begins []map[int]int // how much of each publisher was published, for each time that the node has had it begin
	began  map[int]int   // the last of those that it has read
	last   map[int]int   // what it has read last
}

// soFar is what a history had so far.
type soFar struct {
	said      int    // messages
	lost      uint64 // messages that outboxes had lost when it began
	restarted bool   // the broker was
}

// lostNow is how many messages outboxes have lost so far.
func (m *nodesModel) lostNow() (n uint64) {
	for _, node := range m.nodes {
		n += node.Stats().Broker.Lost
	}
	return n
}

// cut cuts a client off. It may have read what has arrived, or not.
func (m *nodesModel) cut(c *modelClient) {
	if c.on != nil {
		m.log("client %d is cut", m.index(c))
		if m.rnd.IntN(2) == 0 {
			m.read(c)
		}
		c.Reset()
		c.on.sim.Settle()
	}
	*c = modelClient{at: c.at, hole: c.hole, began: c.began, last: c.last}
	if c.unsure {
		c.at = topics.Position{}
	}
}

// comeBack has a client come back, to any node, with its position if it has one.
func (m *nodesModel) comeBack(c *modelClient) {
	m.outcome.Comebacks++
	c.on = m.nodes[m.rnd.IntN(len(m.nodes))]
	c.client = c.on.dial()
	c.unsure = c.at == topics.Position{}
	m.ask(c, c.at)
}

// ask has a client subscribe since a position.
func (m *nodesModel) ask(c *modelClient, since topics.Position) {
	c.asked = true
	client := c.client
	m.log("client %d on %d asks since %v", m.index(c), c.on.publisher, since)
	err := c.on.SubscribeSince(c.conn, m.topic, since, func(at topics.Position, err error) {
		if c.client != client {
			return
		}
		c.asked = false
		m.log("client %d on %d since %v: at %v, %v", m.index(c), c.on.publisher, since, at, err)
		switch {
		case err == nil && since != topics.Position{}:
			m.outcome.Recovered++
			m.noHole(c)
		case err == nil:
			m.begin(c, at)
		case err == topics.ErrGap && since != topics.Position{}:
			m.outcome.Gaps++
			if m.calm && m.records && m.said <= m.keep && m.lostNow() == m.lost {
				m.t.Errorf("history %d: since %v: %v, and %d are kept of %d", m.history, since, err, m.keep, m.said)
			}
			c.unsure = true
			m.ask(c, topics.Position{})
		default:
			m.t.Errorf("history %d: since %v: %v", m.history, since, err)
		}
	})
	if err != nil {
		m.t.Errorf("history %d: %v", m.history, err)
	}
}

// noHole checks that a client that goes on has been told of what is missing.
func (m *nodesModel) noHole(c *modelClient) {
	if c.hole != "" && !c.unsure {
		m.t.Errorf("history %d: %s", m.history, c.hole)
	}
}

// begin has a client begin anew, when it reads that it is to.
func (m *nodesModel) begin(c *modelClient, at topics.Position) {
	c.begins = append(c.begins, maps.Clone(m.published))
	if err := c.conn.SendText(fmt.Sprintf("%v|begin", at)); err != nil {
		m.t.Errorf("history %d: %v", m.history, err)
	}
}

// pump has all nodes do what they have to do, and clients read and tell of losses.
func (m *nodesModel) pump() {
	for _, n := range m.nodes {
		n.sim.Settle()
	}
	for _, c := range m.clients {
		if c.on != nil {
			m.read(c)
		}
	}
	for _, w := range m.watchers {
		if w.on != nil {
			m.readWatcher(w)
		}
	}
}

// read has a client read what has arrived.
func (m *nodesModel) read(c *modelClient) {
	c.on.sim.Settle()
	for msg, ok := c.Next(); ok; msg, ok = c.Next() {
		at, id, _ := strings.Cut(msg.String(), "|")
		var p topics.Position
		var publisher, n int
		if err := p.UnmarshalText([]byte(at)); err != nil {
			m.t.Fatalf("%q: %v", msg, err)
		}
		if id == "begin" {
			m.log("client %d reads begin %v", m.index(c), p)
			if len(c.begins) == 0 {
				m.t.Fatalf("client %d begins too often", m.index(c))
			}
			c.at, c.unsure, c.hole = p, false, ""
			c.began, c.last = c.begins[0], map[int]int{}
			c.begins = c.begins[1:]
			continue
		}
		if c.unsure {
			continue
		}
		if _, err := fmt.Sscanf(id, "#%d:%d", &publisher, &n); err != nil {
			m.t.Fatalf("%q: %v", msg, err)
		}
		m.outcome.Read++
		m.log("client %d reads %v %s", m.index(c), p, id)
		if n <= c.last[publisher] {
			m.t.Errorf("history %d: read %s after %d, at %v after %v", m.history, id, c.last[publisher], p, c.at)
		}
		first := max(c.last[publisher], c.began[publisher])
		if m.isBetween(c.at, p) {
			m.t.Errorf("history %d: read %v after %v, and there is something between", m.history, p, c.at)
		}
		if n > first+1 && !m.excused(c.on, publisher, first+1, n, false) {
			c.hole = fmt.Sprintf("read %s, and %d is missing, at %v after %v", id, first+1, p, c.at)
		}
		if p.Epoch == c.at.Epoch && p.Offset <= c.at.Offset {
			m.t.Errorf("history %d: %s at %v is not behind %v", m.history, id, p, c.at)
		}
		c.last[publisher], c.at = n, p
	}
}

// isBetween reports whether the recorder has a message between two positions.
func (m *nodesModel) isBetween(a, b topics.Position) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for p := range m.places {
		if p.Epoch == a.Epoch && p.Epoch == b.Epoch && a.Offset < p.Offset && p.Offset < b.Offset {
			return true
		}
	}
	return false
}

// excused reports whether nobody can know that messages from first to below end are missing. They never reached the broker, because the publisher's
// outbox was full, or the broker refused them. Whoever has heard of the publisher sees it by the next message. With a Recorder whoever has all that was
// recorded does, too. A member of a
// pattern does not know what its own node had lost before it joined.
func (m *nodesModel) excused(on *modelNode, publisher, first, end int, inPattern bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for n := first; n < end; n++ {
		if m.taken[fmt.Sprintf("#%d:%d", publisher, n)] || publisher == on.publisher && on.Stats().Broker.Lost == 0 {
			return false
		}
	}
	return !m.records || m.restarted || m.said > m.keep || inPattern && publisher == on.publisher
}
