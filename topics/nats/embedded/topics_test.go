package embedded_test

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/servertest"
	"github.com/framerail/framerail/topics"
)

// place is Topics with members, at a server on a simulated machine.
type place struct {
	*topics.Topics
	t       *testing.T
	name    string
	sim     *servertest.Sim
	conns   []*conn.Conn
	members []*member
	said    int
	before  int // of said: what does not count

	mu   sync.Mutex
	lost map[*conn.Conn]int // guarded by mu: how often OnGap was called for it
}

// room is the topic of these tests.
const room = "room.1"

func newPlace(t *testing.T, name string, b topics.Broker, keep topics.History, change func(*topics.Topics)) *place {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	p := &place{t: t, name: name, lost: map[*conn.Conn]int{}}
	p.Topics = &topics.Topics{Broker: b, Logger: quiet, Stamp: stamped}
	p.History = func(string) topics.History { return keep }
	p.OnGap = func(c *conn.Conn, _ string, _ topics.Position) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.lost[c]++
	}
	if change != nil {
		change(p.Topics)
	}
	srv := &server.Server{Logger: quiet, Loops: 2}
	srv.OnConnection = func(c *conn.Conn) { p.conns = append(p.conns, c) }
	p.sim = servertest.New(1, srv)
	t.Cleanup(p.end)
	return p
}

// end ends it, as the end of a process does.
func (p *place) end() {
	if p.sim == nil {
		return
	}
	p.Close()
	if err := p.sim.Close(); err != nil {
		p.t.Error(err)
	}
	p.sim = nil
}

// stamped puts the position before a text.
func stamped(_ string, at topics.Position, m conn.Message) conn.Message {
	m.Payload = fmt.Appendf(nil, "%v|%s", at, m.Payload)
	return m
}

// member is a client that is subscribed.
type member struct {
	*servertest.Client
	place *place
	conn  *conn.Conn
	at    topics.Position
	seen  map[string][]int // by publisher: the numbers of its messages
}

// join subscribes a new client since a position.
func (p *place) join(since topics.Position) *member {
	p.t.Helper()
	m := &member{Client: p.sim.Dial("/"), place: p, seen: map[string][]int{}}
	p.sim.Settle()
	m.conn = p.conns[len(p.conns)-1]
	answered := false
	err := p.SubscribeSince(m.conn, room, since, func(at topics.Position, err error) {
		if m.at = at; err != nil {
			p.t.Errorf("%s: subscribe since %v: %v", p.name, since, err)
		}
		answered = true
	})
	if err != nil {
		p.t.Fatal(err)
	}
	eventually(p.t, p.name+" answers", func() bool { p.sim.Settle(); return answered })
	p.members = append(p.members, m)
	return m
}

// say publishes numbered messages.
func (p *place) say(n int) {
	p.t.Helper()
	for range n {
		p.said++
		if _, err := p.Publish(room, conn.Message{Type: conn.Text, Payload: fmt.Appendf(nil, "%s %d", p.name, p.said)}); err != nil {
			p.t.Errorf("%s: message %d: %v", p.name, p.said, err)
		}
	}
}

// look reads what has arrived. A message that comes twice or out of order is an error.
func (m *member) look() {
	m.place.sim.Settle()
	for msg, ok := m.Next(); ok; msg, ok = m.Next() {
		text := msg.String()
		if at, rest, ok := strings.Cut(text, "|"); ok {
			text = rest
			if err := m.at.UnmarshalText([]byte(at)); err != nil {
				m.place.t.Error(err)
			}
		}
		from, number, _ := strings.Cut(text, " ")
		n, err := strconv.Atoi(number)
		if seen := m.seen[from]; err != nil || len(seen) > 0 && n <= seen[len(seen)-1] {
			m.place.t.Errorf("a member at %s has %q behind %v", m.place.name, text, seen)
		}
		m.seen[from] = append(m.seen[from], n)
	}
}

// hasLast reports whether a member has the last message of a publisher.
func (m *member) hasLast(p *place) bool {
	m.look()
	seen := m.seen[p.name]
	return len(seen) > 0 && seen[len(seen)-1] == p.said
}

// everyoneHasLast waits until all members have the last message of all publishers.
func everyoneHasLast(t *testing.T, all []*place) {
	t.Helper()
	for _, p := range all {
		for _, m := range p.members {
			for _, from := range all {
				eventually(t, fmt.Sprintf("a member at %s has message %d of %s", p.name, from.said, from.name), func() bool { return m.hasLast(from) })
			}
		}
	}
}

// missing is how many messages of a publisher, up to the last one, a member has not got.
func (m *member) missing(p *place) int { return p.said - p.before - len(m.seen[p.name]) }

// isInformed reports whether OnGap was called for a member.
func (m *member) isInformed() bool {
	m.look() // the simulated loops run meanwhile
	m.place.mu.Lock()
	defer m.place.mu.Unlock()
	return m.place.lost[m.conn] > 0
}

// truthful checks that members miss nothing, unless that was reported.
func truthful(t *testing.T, all []*place, nothing bool) {
	t.Helper()
	for _, p := range all {
		for i, m := range p.members {
			for _, from := range all {
				n := m.missing(from)
				if n != 0 && (nothing || p == from) {
					t.Errorf("member %d at %s misses %d of %d messages of %s", i, p.name, n, from.said, from.name)
				}
				if n != 0 {
					eventually(t, fmt.Sprintf("member %d at %s is informed of %d messages of %s", i, p.name, n, from.name), m.isInformed)
				}
			}
		}
	}
}

func (p *place) awaitUp(losses uint64) {
	p.t.Helper()
	eventually(p.t, p.name+" is connected", func() bool { s := p.Stats().Broker; return s.Up && s.Losses >= losses })
}

func (p *place) awaitDown() {
	p.t.Helper()
	eventually(p.t, p.name+" is not connected", func() bool { return !p.Stats().Broker.Up })
}

// awaitSent waits until nothing waits for the broker.
func (p *place) awaitSent() {
	p.t.Helper()
	eventually(p.t, p.name+" has sent all", func() bool { s := p.Stats().Broker; return s.Up && s.OutboxBytes == 0 })
}
