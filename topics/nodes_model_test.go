package topics_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/guard"
	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/brokertest"
)

var (
	nodeHistories = flag.Int("nodehistories", 150, "how many histories TestRecovery_OverNodes plays in each model")
	nodeModels    = flag.Int("nodemodels", 1, "how many models TestRecovery_OverNodes has for each broker, with seeds that follow each other; -parallel says how many at once")
	nodeSeed      = flag.Uint64("nodeseed", 7, "the seed of what TestRecovery_OverNodes does")
)

// Whatever is published, refused, lost on the way, cut, or begun anew, on nodes and at the broker: a client that comes back to any node gets
// exactly what it missed, in order and once, or a no. What a member was not sent is reported, also to members of patterns.
func TestRecovery_OverNodes(t *testing.T) {
	for i := range len(brokers) * *nodeModels {
		name := slices.Sorted(maps.Keys(brokers))[i%len(brokers)]
		seed := *nodeSeed + uint64(i/len(brokers))
		t.Run(fmt.Sprint(name, "/", seed), func(t *testing.T) {
			t.Parallel()
			m := newNodesModel(t, seed, memoryOf(name), brokers[name])
			histories := *nodeHistories
			if guard.Checking {
				histories = min(histories, 40) // each look at who runs takes long
			}
			for m.history = 0; m.history < histories && !t.Failed(); m.history++ {
				m.play()
			}
			t.Logf("%d histories: %+v", m.history, m.outcome)
			o := m.outcome
			if guard.Checking {
				return
			}
			if o.Read == 0 || o.Dropped == 0 || o.Gaps == 0 || o.Lost == 0 || o.Overflown == 0 || o.Down == 0 || o.Restarts == 0 || o.Watched == 0 || m.records && (o.Recovered == 0 || o.Hung == 0) {
				t.Error("not all of this happens")
			}
		})
	}
}

// nodesModel is three nodes, and clients that come and go.
type nodesModel struct {
	t       *testing.T
	rnd     *rand.Rand
	end     func(*brokertest.Memory) ends
	memory  *brokertest.Memory
	records bool
	history int
	keep    int // messages that the topic keeps
	soFar
	calm    bool
	topic   string
	nodes   []*modelNode
	outcome nodesOutcome
	modelMembers

	published map[int]int // messages, by publisher
	trace     traceOf

	mu     sync.Mutex
	drops  float64
	heard  map[string]bool          // guarded by mu: nodes that have been sent something by a publisher
	places map[topics.Position]bool // guarded by mu: positions that the recorder has given
	taken  map[string]bool          // guarded by mu: what the broker has had
}

type nodesOutcome struct{ Published, Read, Recovered, Gaps, Lost, Overflown, Busy, Dropped, Down, Hung, Restarts, Comebacks, Watched int }

// modelNode is a node, and the number by which its messages are known.
type modelNode struct {
	*clusterNode
	publisher int
	hanging   *hangingNode // nil if the broker is no Recorder
}

// hangsAfter is how long a call of the Recorder may take. A machine that is busy holds up calls too, which costs clients their
// positions: not in histories that count on them.
func (m *nodesModel) hangsAfter() time.Duration {
	if m.calm {
		return time.Hour
	}
	return 500 * time.Microsecond
}

// goOn has a node's broker hang no longer.
func (n *modelNode) goOn() {
	if n.hanging != nil {
		n.hanging.goOn()
	}
}

func newNodesModel(t *testing.T, seed uint64, memory *brokertest.Memory, end func(*brokertest.Memory) ends) *nodesModel {
	m := &nodesModel{t: t, rnd: rand.New(rand.NewPCG(seed, 9)), end: end, memory: memory,
		published: map[int]int{}, heard: map[string]bool{}, places: map[topics.Position]bool{}, taken: map[string]bool{}}
	m.memory.Drop, m.memory.Refuse = m.drop, refusesSome(seed)
	_, m.records = end(m.memory).(topics.Recorder)
	for range 3 {
		m.nodes = append(m.nodes, m.newNode())
	}
	return m
}

func (m *nodesModel) newNode() *modelNode {
	end := m.end(m.memory)
	var hanging *hangingNode
	if r, ok := end.(brokertest.RecordingNode); ok {
		hanging = &hangingNode{RecordingNode: r}
		end = hanging
	}
	n := &modelNode{clusterNode: newNode(m.t, end, topics.History{}), hanging: hanging}
	n.MaxOutbox = 2 << 10 // some eight messages
	n.HangsAfter(m.hangsAfter())
	n.publisher = len(m.published)
	m.published[n.publisher] = 0
	n.History = func(name string) topics.History {
		_, keep, _ := strings.Cut(name, "-")
		messages, _ := strconv.Atoi(keep)
		return topics.History{Messages: messages}
	}
	n.OnGap = func(conn *conn.Conn, _ string, at topics.Position) {
		for _, c := range m.clients {
			if c.client != nil && c.conn == conn {
				m.log("client %d has a gap, and is at %v", m.index(c), at)
				m.outcome.Lost++
				m.begin(c, at)
			}
		}
		for _, w := range m.watchers {
			if w.on != nil && w.conn == conn {
				_ = w.conn.SendText("gap") // a connection that is closed needs none
			}
		}
	}
	return n
}

// traceOf is what has happened in a history.
type traceOf struct {
	mu  sync.Mutex
	all []string // guarded by mu
}

// log notes what happens.
func (m *nodesModel) log(f string, args ...any) {
	m.trace.mu.Lock()
	defer m.trace.mu.Unlock()
	m.trace.all = append(m.trace.all, fmt.Sprintf(f, args...))
}

func (m *nodesModel) index(c *modelClient) int { return slices.Index(m.clients, c) }

// drop loses messages on their way, of those that a node must notice: it has heard of the publisher.
func (m *nodesModel) drop(p topics.Packet, node string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i := strings.Index(string(p.Data), "#"); i >= 0 {
		m.taken[string(p.Data[i:])] = true
		if p.At != (topics.Position{}) && p.Topic == m.topic {
			m.places[p.At] = true
		}
		m.log("broker: %q at %v to %s", p.Data[i:], p.At, node)
	} else {
		m.log("broker: %x to %s", p.Data, node)
	}
	way := node + p.Topic + string(p.Data[2:10])
	if rand.Float64() < m.drops && m.heard[way] {
		m.log("dropped")
		m.outcome.Dropped++
		return true
	}
	m.heard[way] = true
	return false
}

// forget notes that nodes have lost their connections.
func (m *nodesModel) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.heard)
}

// play plays one history, in a topic of its own.
func (m *nodesModel) play() {
	m.soFar = soFar{lost: m.lostNow()}
	m.keep = 2 + m.rnd.IntN(40)
	m.clients = []*modelClient{new(modelClient), new(modelClient), new(modelClient), new(modelClient)}
	m.watchers = []*modelWatcher{new(modelWatcher), new(modelWatcher)}
	m.mu.Lock()
	m.topic = fmt.Sprintf("h%d.x-%d", m.history, m.keep)
	m.calm = m.rnd.IntN(3) > 0 // the broker is never away, and does not hang
	drops := []float64{0, 0, 0.05, 0.3}[m.rnd.IntN(4)]
	clear(m.heard)
	clear(m.taken)
	clear(m.places)
	m.mu.Unlock()
	m.settle()
	m.mu.Lock()
	m.drops = drops
	m.mu.Unlock()
	m.trace.mu.Lock()
	m.trace.all = nil
	m.trace.mu.Unlock()
	defer func() {
		m.trace.mu.Lock()
		defer m.trace.mu.Unlock()
		if m.t.Failed() {
			m.t.Logf("history %d:\n%s", m.history, strings.Join(m.trace.all, "\n"))
		}
	}()
	for range 5 + m.rnd.IntN(40) {
		m.step(m.clients[m.rnd.IntN(len(m.clients))])
		m.watch()
	}
	m.finish()
	for _, c := range m.clients {
		m.cut(c)
	}
	for _, w := range m.watchers {
		m.unwatch(w)
	}
	m.outcome.Overflown += int(max(m.lostNow(), m.lost) - m.lost)
}

// settle has nothing of the last history hang in one that is calm, neither a call nor a question.
func (m *nodesModel) settle() {
	for _, n := range m.nodes {
		n.HangsAfter(m.hangsAfter())
		n.AnswersAfter(m.hangsAfter())
		if m.calm {
			n.say("calm-0", "x") // a call of Publish that returns
		}
	}
	if !m.calm {
		return
	}
	m.await("nothing hangs", func() bool {
		for _, n := range m.nodes {
			if s := n.Stats().Broker; !s.Up || s.OutboxBytes > 0 || n.Hangs() {
				return false
			}
		}
		return true
	})
}

func (m *nodesModel) step(c *modelClient) {
	n := m.rnd.IntN(100)
	if m.calm && n >= 77 && n < 96 {
		n = 99
	}
	switch {
	case n < 40:
		for range 1 + m.rnd.IntN(4) {
			m.publish(m.nodes[m.rnd.IntN(len(m.nodes))])
		}
	case n < 65:
		if c.on == nil {
			m.comeBack(c)
		} else {
			m.pump()
		}
	case n < 77:
		m.cut(c)
	case n < 82:
		i := m.rnd.IntN(len(m.nodes))
		m.log("cut node %d", m.nodes[i].publisher)
		m.nodes[i].broker.Cut()
		m.forget()
	case n < 85:
		m.outcome.Down++
		m.log("down")
		m.memory.SetDown(true)
		m.forget()
	case n < 90:
		m.memory.SetDown(false)
	case n < 92:
		m.nodes[m.rnd.IntN(len(m.nodes))].goOn()
	case n < 93:
		m.log("restart broker")
		m.restarted = true
		m.memory.Restart()
		m.forget()
	case n < 94:
		m.restart(m.rnd.IntN(len(m.nodes)))
	case n < 96:
		m.hang(m.nodes[m.rnd.IntN(len(m.nodes))])
	default:
		time.Sleep(time.Duration(m.rnd.IntN(2000)) * time.Microsecond)
		m.pump()
	}
}

// publish publishes a message that says which it is. It reports whether there was room.
func (m *nodesModel) publish(n *modelNode) bool {
	m.published[n.publisher]++
	m.log("publish on %d: %d", n.publisher, m.published[n.publisher])
	_, err := n.Publish(m.topic, conn.Message{Type: conn.Text, Payload: fmt.Appendf(nil, "#%d:%d", n.publisher, m.published[n.publisher])})
	if err == topics.ErrBusy { // it was not published
		m.log("busy")
		m.published[n.publisher]--
		m.outcome.Busy++
		return false
	}
	if err != nil {
		m.t.Errorf("publish: %v", err)
	}
	m.outcome.Published++
	m.said++
	return true
}

// hang has a node's broker hang, and looks at it once the node has noticed, or before.
func (m *nodesModel) hang(n *modelNode) {
	if n.hanging == nil {
		return
	}
	m.log("node %d hangs", n.publisher)
	n.hanging.hang(m.rnd.IntN(2) == 0)
	m.publish(n)
	for tries := m.rnd.IntN(50); tries > 0 && !n.Hangs(); tries-- {
		time.Sleep(100 * time.Microsecond)
	}
	if n.Hangs() {
		m.outcome.Hung++
	}
}

// restart has a node end and another begin.
func (m *nodesModel) restart(i int) {
	m.outcome.Restarts++
	old := m.nodes[i]
	old.goOn()
	m.log("restart node %d", old.publisher)
	for _, c := range m.clients {
		if c.on == old {
			m.cut(c)
		}
	}
	for _, w := range m.watchers {
		if w.on == old {
			m.unwatch(w)
		}
	}
	old.Close()
	m.nodes[i] = m.newNode()
}

// finish brings all back, and has all clients read to the end.
func (m *nodesModel) finish() {
	m.memory.SetDown(false)
	for _, n := range m.nodes {
		n.goOn()
	}
	m.mu.Lock()
	m.drops = 0
	m.mu.Unlock()
	for _, c := range m.clients {
		if c.on == nil {
			m.comeBack(c)
		}
	}
	m.await("all are members", func() bool {
		for _, n := range m.nodes {
			if s := n.Stats().Broker; !s.Up || s.OutboxBytes > 0 {
				return false
			}
		}
		for _, c := range m.clients {
			if c.unsure || c.asked {
				return false
			}
		}
		for _, w := range m.watchers {
			if w.on != nil && !w.sure {
				return false
			}
		}
		return true
	})
	for _, w := range m.watchers {
		w.gaps = false
	}
	for _, n := range m.nodes {
		for !m.publish(n) { // so that whoever has missed something notices
			time.Sleep(100 * time.Microsecond)
			m.pump()
		}
	}
	defer func() {
		for _, c := range m.clients {
			m.noHole(c)
		}
		for _, w := range m.watchers {
			if w.hole != "" {
				m.t.Errorf("history %d: %s", m.history, w.hole)
			}
		}
	}()
	m.await("all have read all", func() bool {
		for _, c := range m.clients {
			for _, n := range m.nodes {
				end := m.published[n.publisher]
				if c.asked || c.unsure || max(c.last[n.publisher], c.began[n.publisher]) < end {
					return false
				}
			}
		}
		return !slices.ContainsFunc(m.watchers, func(w *modelWatcher) bool { return !m.isDone(w) })
	})
}

func (m *nodesModel) await(what string, is func() bool) {
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Microsecond) {
		m.pump()
		if is() || m.t.Failed() {
			return
		}
		if time.Now().After(deadline) {
			for i, c := range m.clients {
				if c.on == nil {
					continue
				}
				m.t.Logf("client %d: on %d, at %v, unsure %v, asked %v, began %v, last %v, published %v", i, c.on.publisher, c.at, c.unsure, c.asked, c.began, c.last, m.published)
			}
			m.t.Fatalf("history %d: %s: this does not happen", m.history, what)
		}
	}
}
