package brokertest

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/framerail/framerail/topics"
)

// ErrDown is what Run of a node of a [Memory] returns when its connection was cut, or the
// Memory is down.
var ErrDown = errors.New("brokertest: the broker is gone")

// Memory is a broker in memory. The zero value is ready to use. Set the fields before the first call of a
// node. All methods are safe from any goroutine.
type Memory struct {
	// Sparse gives all topics together one sequence of offsets, so that those of one topic have holes, as
	// in JetStream, and each topic is where the last message of any topic is. Otherwise each topic counts for itself.
	Sparse bool
	// Drop reports whether a message that was published is not to reach the node of that ID. It is called
	// under a lock. nil: none is dropped.
	Drop func(p topics.Packet, node string) bool
	// Refuse returns why a message is refused that is being published, or nil. It is called under a lock. nil: none is refused.
	Refuse func(p topics.Packet) error

	mu       sync.Mutex
	down     bool // guarded by mu
	sessions map[*session]struct{}
	epoch    uint64
	sequence uint64
	logs     map[string]*record
}

// record is what is kept of a topic.
type record struct {
	kept  []topics.Packet
	last  uint64 // the offset of the last message
	floor uint64 // all behind it is kept
}

// session is a node's connection, from Up to the return of Run. Guarded by Memory.mu.
type session struct {
	node     topics.Node
	topics   map[string]bool
	patterns map[string]bool
	queue    []topics.Packet
	wake     chan struct{} // something is in the queue, or the session is over
	over     bool
}

// Node is a node's end of a [Memory]. It is a [topics.Broker].
type Node struct {
	memory *Memory
	now    *session // guarded by Memory.mu
}

// RecordingNode is a [Node] that is a [topics.Recorder].
type RecordingNode struct{ *Node }

// Broker returns a new node's end.
func (m *Memory) Broker() *Node { return &Node{memory: m} }

// Recorder returns a new node's end, which records.
func (m *Memory) Recorder() RecordingNode { return RecordingNode{m.Broker()} }

// Restart cuts all connections, and forgets all that was kept.
func (m *Memory) Restart() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.logs, m.sequence, m.epoch = nil, 0, 0
	m.cutAll()
}

// SetDown has the broker be away, or back. Then it still has what it has kept.
func (m *Memory) SetDown(down bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down = down; down {
		m.cutAll()
	}
}

func (m *Memory) cutAll() {
	for s := range m.sessions {
		m.cut(s)
	}
}

// cut ends a session. mu is held.
func (m *Memory) cut(s *session) {
	if !s.over {
		s.over = true
		delete(m.sessions, s)
		s.signal()
	}
}

func (s *session) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Cut ends the connection of the node. Run returns, and what was on its way to the node is lost.
func (n *Node) Cut() {
	n.memory.mu.Lock()
	defer n.memory.mu.Unlock()
	if n.now != nil {
		n.memory.cut(n.now)
	}
}

// Run implements topics.Broker.
func (n *Node) Run(ctx context.Context, node topics.Node) error {
	m := n.memory
	s := &session{node: node, topics: map[string]bool{}, patterns: map[string]bool{}, wake: make(chan struct{}, 1)}
	m.mu.Lock()
	if m.down {
		m.mu.Unlock()
		return ErrDown
	}
	if m.sessions == nil {
		m.sessions = make(map[*session]struct{})
	}
	m.sessions[s] = struct{}{}
	n.now = s
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		m.cut(s)
		n.now = nil
		m.mu.Unlock()
	}()
	node.Up()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.wake:
		}
		m.mu.Lock()
		queue, over := s.queue, s.over
		s.queue = nil
		m.mu.Unlock()
		if over {
			return ErrDown
		}
		for _, p := range queue {
			node.Receive(p)
		}
	}
}

// Publish implements topics.Broker.
func (n *Node) Publish(_ context.Context, ms []topics.Packet) (taken int, err error) {
	m := n.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range ms {
		if n.now == nil || n.now.over {
			return taken, ErrDown
		}
		if m.Refuse != nil {
			if err := m.Refuse(p); err != nil {
				return taken, err
			}
		}
		m.publish(p)
		taken++
	}
	return taken, nil
}

// publish records a message, and puts it on its way. mu is held.
func (m *Memory) publish(p topics.Packet) {
	p.Data = bytes.Clone(p.Data)
	if p.Keep.Last || p.Keep.Messages > 0 {
		m.record(&p)
	}
	for s := range m.sessions {
		copies := 0
		if s.topics[p.Topic] {
			copies++
		}
		for pattern := range s.patterns {
			if matches(pattern, p.Topic) {
				copies++
			}
		}
		if copies == 0 || m.Drop != nil && m.Drop(p, s.node.ID()) {
			continue
		}
		for range copies {
			s.queue = append(s.queue, p)
		}
		s.signal()
	}
}

// Interest implements topics.Broker.
func (n *Node) Interest(_ context.Context, on, off []string) error {
	m := n.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	s := n.now
	if s == nil || s.over {
		return ErrDown
	}
	for _, name := range off {
		delete(s.topics, name)
		delete(s.patterns, name)
	}
	for _, name := range on {
		if errors.Is(topics.CheckName(name), topics.ErrWildcard) {
			s.patterns[name] = true
		} else {
			s.topics[name] = true
		}
	}
	return nil
}

// record keeps a message as its Keep says, and sets its position. mu is held.
func (m *Memory) record(p *topics.Packet) {
	r := m.log(p.Topic)
	p.Prev = r.last
	if p.At.Offset = r.last + 1; m.Sparse {
		m.sequence++
		p.At.Offset = m.sequence
	}
	p.At.Epoch, r.last = m.epoch, p.At.Offset
	r.kept = append(r.kept, *p)
	for len(r.kept) > max(p.Keep.Messages, 1) {
		r.floor = r.kept[0].At.Offset
		r.kept = slices.Delete(r.kept, 0, 1)
	}
}

func (m *Memory) log(topic string) *record {
	if m.epoch == 0 {
		m.epoch = 1 + rand.Uint64N(1<<53-1)
	}
	if m.logs == nil {
		m.logs = make(map[string]*record)
	}
	r := m.logs[topic]
	if r == nil {
		r = new(record)
		m.logs[topic] = r
	}
	return r
}

// Since implements topics.Recorder.
func (n RecordingNode) Since(_ context.Context, topic string, keep topics.History, since topics.Position, most int) (missed []topics.Packet, at topics.Position, err error) {
	m := n.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	if n.now == nil || n.now.over {
		return nil, at, ErrDown
	}
	r := m.log(topic)
	at = topics.Position{Epoch: m.epoch, Offset: r.last}
	if m.Sparse {
		at.Offset = m.sequence // nothing of this topic lies behind r.last
	}
	from := since.Offset
	switch {
	case since == topics.Position{} && keep.Last:
		if len(r.kept) > 0 {
			from = r.last - 1
		}
	case since == topics.Position{}:
		return nil, at, nil
	case since.Epoch != m.epoch || since.Offset > at.Offset || since.Offset < r.floor:
		return nil, at, topics.ErrGap
	}
	for _, p := range r.kept {
		if p.At.Offset > from {
			if most -= len(p.Data); most < 0 {
				return nil, at, topics.ErrTooMuch
			}
			missed = append(missed, p)
		}
	}
	return missed, at, nil
}

// matches reports whether a pattern matches a name.
func matches(pattern, name string) bool {
	for {
		p, patterns, morePattern := strings.Cut(pattern, ".")
		n, names, moreName := strings.Cut(name, ".")
		switch {
		case p == ">":
			return true
		case p != "*" && p != n, morePattern != moreName:
			return false
		case !morePattern:
			return true
		}
		pattern, name = patterns, names
	}
}
