package topics

import (
	"runtime"
	"slices"
	"strings"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server/servertest"
)

// browser is a client that is a member of all topics.
type browser struct {
	client *servertest.Client // nil while it is away
	conn   *conn.Conn
	seats  []*seat
}

// seat is a browser's membership in a topic. It remembers the position up to which the browser has seen all, over its connections.
type seat struct {
	topic   string
	at      Position
	joined  bool
	waiting bool // it has seen a gap, asked again, and skips what comes before the answer
	asked   bool // it has asked again on this connection, and may get messages twice
	leaves  bool // it has left, and skips what is on its way
}

// connect has a browser come back.
func (m *model) connect(b *browser) {
	n := len(m.accepted)
	b.client = m.sim.Dial("/")
	m.sim.Settle()
	if len(m.accepted) == n {
		m.t.Fatal("no connection")
	}
	b.conn = m.accepted[len(m.accepted)-1]
	policy := allPolicies[m.rnd.IntN(len(allPolicies))]
	b.conn.SetOverflow(policy)
	m.mu.Lock()
	m.closes[b.conn] = policy == conn.OverflowClose || policy == conn.OverflowLatest
	m.mu.Unlock()
	if m.rnd.IntN(4) == 0 {
		b.client.Pause() // it reads nothing of what comes first
	}
	m.join(b, b.seats...)
}

func (m *model) cut(b *browser) {
	if b.client != nil {
		if m.rnd.IntN(2) == 0 {
			b.client.Reset()
		} else {
			b.client.Leave()
		}
	}
	b.client, b.conn = nil, nil
	for _, s := range b.seats {
		*s = seat{topic: s.topic, at: s.at}
	}
}

// join has a browser subscribe, to all of these topics at once: since the position that it remembers if there is one.
func (m *model) join(b *browser, seats ...*seat) {
	results := make([]error, len(seats))
	for i, s := range seats {
		if s.at != (Position{}) {
			m.forgetLost(b, s)
			m.subscribeSince(b, s, &results[i])
		}
	}
	m.sim.Settle()
	var begins []*seat
	for i, s := range seats {
		switch {
		case s.at == (Position{}):
			begins = append(begins, s)
		case !m.joined(b, s, results[i]):
			begins = append(begins, s)
		}
	}
	for _, s := range begins {
		if b.client != nil && s.at != (Position{}) {
			m.leave(b, s)
		}
		if b.client != nil { // it was not cut
			m.begin(b, s)
		}
	}
}

// subscribeSince puts the answer to a browser that comes back into result.
func (m *model) subscribeSince(b *browser, s *seat, result *error) {
	c, more := b.conn, 0
	if m.rnd.IntN(4) == 0 {
		more = m.rnd.IntN(5 << 10)
	}
	*result = conn.ErrClosed // there is no answer then
	failed := m.topics.SubscribeSince(c, s.topic, s.at, func(_ Position, err error) {
		if *result = err; err == nil && more > 0 {
			_ = c.SendText(chatter + strings.Repeat("-", more))
		}
	})
	if failed != nil {
		*result = failed
	}
}

// joined checks an answer. It reports false if the browser must begin anew there.
func (m *model) joined(b *browser, s *seat, err error) bool {
	now := m.now[s.topic]
	missed := int64(now.Offset) - int64(s.at.Offset)
	possible := now.Epoch == s.at.Epoch && missed <= int64(min(m.keep, int(now.Offset)))
	switch {
	case err == nil && possible:
		s.asked = s.joined
		m.outcome.Recovered++
		m.outcome.Missed += int(missed)
		s.joined = true
		return true
	case err == ErrGap && !possible:
		m.outcome.Gaps++
	case err == ErrTooMuch && possible && missed > 0:
		m.outcome.TooMuch++
	case err == conn.ErrClosed && (b.client == nil || b.conn.State() != conn.Open):
		m.cut(b)
	default:
		m.errorf("since %v of %s at %v, with %d kept: %v", s.at, s.topic, now, m.keep, err)
	}
	return false
}

// leave ends a membership that cannot be mended.
func (m *model) leave(b *browser, s *seat) {
	_ = m.topics.Unsubscribe(b.conn, s.topic)
	s.leaves = true
	m.sim.Settle() // what is on its way arrives
	b.client.Resume()
	m.sim.Settle()
	m.settled()
	for _, other := range m.take(b) {
		other.waiting = true // it asks later
	}
	s.leaves = false
	m.forgetLost(b, s)
}

// begin has a browser subscribe as if it was new.
func (m *model) begin(b *browser, s *seat) {
	at, err := m.topics.Subscribe(b.conn, s.topic)
	if err != nil {
		if b.conn.State() == conn.Open {
			m.errorf("subscribe: %v", err)
		}
		m.cut(b)
		return
	}
	if m.now[s.topic].Epoch == 0 {
		m.now[s.topic] = at
	}
	if at != m.now[s.topic] {
		m.errorf("at %v, want %v", at, m.now[s.topic])
	}
	s.at, s.joined, s.waiting = at, true, false
}

// settled waits until losses are reported.
func (m *model) settled() {
	e := &m.topics.events
	for running := true; running; runtime.Gosched() {
		e.mu.Lock()
		running = e.running
		e.mu.Unlock()
	}
}

// read has a browser read what has arrived. Where there is a gap, it asks again, which read reports.
func (m *model) read(b *browser) (asked bool) {
	m.sim.Settle()
	m.settled()
	gaps := m.take(b)
	if len(gaps) == 0 {
		return false
	}
	for _, s := range gaps {
		s.waiting = true
	}
	m.join(b, gaps...)
	return true
}

// take takes what has arrived, and returns the seats with a gap.
func (m *model) take(b *browser) (gaps []*seat) {
	for msg, ok := b.client.Next(); ok; msg, ok = b.client.Next() {
		if strings.HasPrefix(msg.String(), chatter) {
			continue
		}
		topic, rest, _ := strings.Cut(msg.String(), " ")
		head, _, _ := strings.Cut(rest, " ")
		s := b.seats[slices.Index(modelTopics, topic)]
		var at Position
		if err := at.UnmarshalText([]byte(head)); err != nil {
			m.t.Fatal(err)
		}
		m.outcome.Read++
		switch {
		case s.leaves:
		case at == Position{s.at.Epoch, s.at.Offset + 1}:
			s.at, s.waiting = at, false
		case at.Epoch == s.at.Epoch && at.Offset > s.at.Offset && s.waiting:
		case at.Epoch == s.at.Epoch && at.Offset <= s.at.Offset && s.asked:
		case at.Epoch == s.at.Epoch && at.Offset > s.at.Offset && m.isReported(b, s):
			if !slices.Contains(gaps, s) {
				gaps = append(gaps, s)
			}
		default:
			m.errorf("read %v of %s after %v; reported: %v, waits: %v; state %v", at, topic, s.at, m.isReported(b, s), s.waiting, b.conn.State())
		}
	}
	return gaps
}

// isReported reports whether it was reported that the next message of a seat is lost.
func (m *model) isReported(b *browser, s *seat) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	since, ok := m.lost[loss{b.conn, s.topic}]
	return ok && since <= s.at.Offset
}

// finish has a browser read to the end: it has all then, or is away.
func (m *model) finish(b *browser) {
	for range 100 {
		if b.client == nil {
			return
		}
		b.client.Resume()
		if m.read(b) {
			continue // what was reported may be lost of what comes now, and not of what another answer sends behind it
		}
		if b.client == nil || b.conn.State() != conn.Open {
			return
		}
		if _, closed := b.client.Closed(); closed {
			return
		}
		var behind []*seat
		for _, s := range b.seats {
			switch {
			case s.at == m.now[s.topic]:
			case m.isReported(b, s) || s.waiting:
				s.waiting = true
				behind = append(behind, s)
			default:
				m.errorf("at %v of %s when all is read, want %v", s.at, s.topic, m.now[s.topic])
				return
			}
		}
		if len(behind) == 0 {
			return
		}
		m.join(b, behind...)
	}
	m.errorf("a browser asks again for ever")
}
