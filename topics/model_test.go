package topics

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/servertest"
)

var (
	histories = flag.Int("histories", 300, "how many histories TestRecovery_IsExact plays")
	seedFirst = flag.Int("seed", 0, "the seed of the first of them")
)

// Whatever is published, dropped by policy, cut, late, forgotten or restarted, a client that
// comes back to two topics at once gets exactly what it missed of each, or a no that is true. Only under a policy that does not close
// may something be lost, and it is reported.
func TestRecovery_IsExact(t *testing.T) {
	const each = 100 // histories of one server
	sum := outcome{}
	for first := 0; first < *histories && !t.Failed(); first += each {
		m := newModel(t, uint64(*seedFirst+first))
		for range min(each, *histories-first) {
			m.play()
		}
		if err := m.sim.Close(); err != nil {
			t.Error(err)
		}
		sum.add(m.outcome)
	}
	t.Logf("%d histories: %+v", *histories, sum)
	if sum.Recovered == 0 || sum.Gaps == 0 || sum.TooMuch == 0 || sum.Reported == 0 || sum.Read == 0 {
		t.Error("not all of this happens")
	}
}

// outcome counts what happened.
type outcome struct{ Published, Read, Recovered, Missed, Gaps, TooMuch, Reported int }

func (o *outcome) add(p outcome) {
	o.Published += p.Published
	o.Read += p.Read
	o.Recovered += p.Recovered
	o.Missed += p.Missed
	o.Gaps += p.Gaps
	o.TooMuch += p.TooMuch
	o.Reported += p.Reported
}

// model is a server with two topics, and browsers that come and go.
type model struct {
	t        *testing.T
	seed     uint64
	rnd      *rand.Rand
	sim      *servertest.Sim
	accepted []*conn.Conn
	history  int

	topics   *Topics
	keep     int                 // messages that a topic keeps
	now      map[string]Position // of each topic
	browsers []*browser
	outcome  outcome

	mu     sync.Mutex
	lost   map[loss]uint64     // guarded by mu: what was reported: nothing up to here is lost
	closes map[*conn.Conn]bool // guarded by mu: those whose policy closes, so that nothing is lost
}

// loss is a topic of which a connection has lost something.
type loss struct {
	conn  *conn.Conn
	topic string
}

var modelTopics = []string{"room.1", "room.2"}

// chatter begins what an answer sends beside the topics.
const chatter = "! "

func newModel(t *testing.T, seed uint64) *model {
	m := &model{t: t, seed: seed, rnd: rand.New(rand.NewPCG(seed, 5))}
	srv := &server.Server{Loops: 2, Logger: quiet}
	srv.MaxPending, srv.MaxMessageSize = 6<<10, 1<<10
	srv.OnConnection = func(c *conn.Conn) { m.accepted = append(m.accepted, c) }
	m.sim = servertest.New(seed, srv)
	m.sim.Faults = servertest.Faults{Cuts: 0.2, ShortReads: 0.2, Spurious: 0.1}
	m.sim.Buffer = 2 << 10
	return m
}

// errorf reports what is wrong, and where.
func (m *model) errorf(format string, args ...any) {
	m.t.Helper()
	m.t.Errorf("seed %d, history %d: %s", m.seed, m.history, fmt.Sprintf(format, args...))
}

// restart has the program begin anew, with the same browsers.
func (m *model) restart() {
	for _, b := range m.browsers {
		m.cut(b)
	}
	m.sim.Settle()
	m.mu.Lock()
	m.lost, m.closes = make(map[loss]uint64), make(map[*conn.Conn]bool)
	m.mu.Unlock()
	m.topics = &Topics{OnLost: m.noteLost, History: func(string) History { return History{Messages: m.keep} }, Stamp: stampTopic}
	m.now = make(map[string]Position)
}

func (m *model) noteLost(l Lost) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closes[l.Conn] {
		m.errorf("a connection whose policy closes has lost something, and is open")
	}
	m.outcome.Reported++
	of := loss{l.Conn, l.Topic}
	if since, ok := m.lost[of]; !ok || l.Since.Offset < since {
		m.lost[of] = l.Since.Offset
	}
}

// forgetLost forgets what was reported of a seat: from here on, all is there again.
func (m *model) forgetLost(b *browser, s *seat) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.lost, loss{b.conn, s.topic})
}

// play plays one history.
func (m *model) play() {
	m.history++
	m.keep = 1 + m.rnd.IntN(30)
	m.restart()
	m.browsers = nil
	for range 3 {
		b := new(browser)
		for _, topic := range modelTopics {
			b.seats = append(b.seats, &seat{topic: topic})
		}
		m.browsers = append(m.browsers, b)
	}
	for range 10 + m.rnd.IntN(60) {
		m.step(m.browsers[m.rnd.IntN(len(m.browsers))])
	}
	for _, b := range m.browsers {
		m.finish(b)
		m.cut(b)
	}
	m.sim.Settle()
	if n := m.topics.Stats().Subscriptions; n != 0 {
		m.errorf("%d subscriptions are left", n)
	}
}

func (m *model) step(b *browser) {
	switch n := m.rnd.IntN(100); {
	case n < 45:
		for range 1 + m.rnd.IntN(6) {
			m.publish(modelTopics[m.rnd.IntN(len(modelTopics))])
		}
	case n < 65:
		if b.client == nil {
			m.connect(b)
		} else {
			m.read(b)
		}
	case n < 72:
		m.cut(b) // the server has not noticed yet
	case n < 80:
		if b.client != nil {
			b.client.Pause()
		}
	case n < 88:
		if b.client != nil {
			b.client.Resume()
		}
	case n < 89:
		m.restart()
	}
	for range m.rnd.IntN(20) {
		m.sim.Step()
	}
}

// publish publishes a message that has its position in it.
func (m *model) publish(topic string) {
	at, err := m.topics.Publish(topic, text(strings.Repeat("x", m.rnd.IntN(700))))
	if now := m.now[topic]; err != nil || now.Epoch != 0 && at.Epoch != now.Epoch || at.Offset != now.Offset+1 {
		m.t.Fatalf("seed %d, history %d: published %v after %v: %v", m.seed, m.history, at, now, err)
	}
	m.now[topic] = at
	m.outcome.Published++
}

// stampTopic puts the topic and the position before a text.
func stampTopic(topic string, at Position, m conn.Message) conn.Message {
	return text(topic + " " + at.String() + " " + string(m.Payload))
}
