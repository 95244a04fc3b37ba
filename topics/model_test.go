package topics

import (
	"flag"
	"math/rand/v2"
	"runtime"
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
// comes back gets exactly what it missed, or a no that is true.
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

// model is a server with one topic, and browsers that come and go.
type model struct {
	t        *testing.T
	seed     uint64
	rnd      *rand.Rand
	sim      *servertest.Sim
	accepted []*conn.Conn
	history  int

	topics   *Topics
	keep     int      // messages that the topic keeps
	now      Position // of the topic
	browsers []*browser
	outcome  outcome

	mu   sync.Mutex
	lost map[*conn.Conn]uint64 // what was reported: nothing up to here is lost
}

// browser is a client that remembers the position up to which it has seen all, over its
// connections.
type browser struct {
	client  *servertest.Client // nil while it is away
	conn    *conn.Conn
	at      Position
	joined  bool
	waiting bool // it has seen a gap, asked again, and skips what comes before the answer
	asked   bool // it has asked again on this connection, and may get messages twice
}

const modelTopic = "room.1"

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

// restart has the program begin anew, with the same browsers.
func (m *model) restart() {
	for _, b := range m.browsers {
		m.cut(b)
	}
	m.sim.Settle()
	m.mu.Lock()
	m.lost = make(map[*conn.Conn]uint64)
	m.mu.Unlock()
	m.topics = &Topics{OnLost: m.noteLost, History: func(string) History { return History{Messages: m.keep} }, Stamp: stampText}
	m.now = Position{}
}

func (m *model) noteLost(l Lost) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.outcome.Reported++
	if since, ok := m.lost[l.Conn]; !ok || l.Since.Offset < since {
		m.lost[l.Conn] = l.Since.Offset
	}
}

// play plays one history.
func (m *model) play() {
	m.history++
	m.keep = 1 + m.rnd.IntN(30)
	m.restart()
	m.browsers = []*browser{new(browser), new(browser), new(browser)}
	for range 10 + m.rnd.IntN(60) {
		m.step(m.browsers[m.rnd.IntN(len(m.browsers))])
	}
	for _, b := range m.browsers {
		m.finish(b)
		m.cut(b)
	}
	m.sim.Settle()
	if n := m.topics.Stats().Subscriptions; n != 0 {
		m.t.Errorf("seed %d, history %d: %d subscriptions are left", m.seed, m.history, n)
	}
}

func (m *model) step(b *browser) {
	switch n := m.rnd.IntN(100); {
	case n < 45:
		for range 1 + m.rnd.IntN(6) {
			m.publish()
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
func (m *model) publish() {
	at, err := m.topics.Publish(modelTopic, text(strings.Repeat("x", m.rnd.IntN(700))))
	if err != nil || m.now.Epoch != 0 && at.Epoch != m.now.Epoch || at.Offset != m.now.Offset+1 {
		m.t.Fatalf("seed %d, history %d: published %v after %v: %v", m.seed, m.history, at, m.now, err)
	}
	m.now = at
	m.outcome.Published++
}

// stampText puts the position before a text.
func stampText(_ string, at Position, m conn.Message) conn.Message {
	return text(at.String() + " " + string(m.Payload))
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
	b.conn.SetOverflow([]conn.Overflow{conn.OverflowClose, conn.OverflowRefuse, conn.OverflowDropOldest}[m.rnd.IntN(3)])
	m.join(b)
}

func (m *model) cut(b *browser) {
	if b.client != nil {
		if m.rnd.IntN(2) == 0 {
			b.client.Reset()
		} else {
			b.client.Leave()
		}
	}
	*b = browser{at: b.at}
}

// join has a browser subscribe, since the position that it remembers if there is one.
func (m *model) join(b *browser) {
	if b.at == (Position{}) {
		m.begin(b)
		return
	}
	m.mu.Lock()
	delete(m.lost, b.conn) // from here on, all is there again
	m.mu.Unlock()
	err := m.subscribeSince(b)
	missed := int64(m.now.Offset) - int64(b.at.Offset)
	possible := m.now.Epoch == b.at.Epoch && missed <= int64(min(m.keep, int(m.now.Offset)))
	switch {
	case err == nil && possible:
		b.asked = b.joined
		m.outcome.Recovered++
		m.outcome.Missed += int(missed)
		b.joined = true
	case err == ErrGap && !possible:
		m.outcome.Gaps++
		m.leave(b)
		m.begin(b)
	case err == ErrTooMuch && possible && missed > 0:
		m.outcome.TooMuch++
		m.leave(b)
		m.begin(b)
	case err == conn.ErrClosed && b.conn.State() != conn.Open:
		m.cut(b)
	default:
		m.t.Errorf("seed %d, history %d: since %v at %v, with %d kept: %v", m.seed, m.history, b.at, m.now, m.keep, err)
	}
}

// subscribeSince is the answer to a browser that comes back.
func (m *model) subscribeSince(b *browser) error {
	err := conn.ErrClosed // there is no answer then
	if failed := m.topics.SubscribeSince(b.conn, modelTopic, b.at, func(_ Position, e error) { err = e }); failed != nil {
		return failed
	}
	m.sim.Settle()
	return err
}

// leave ends a membership that cannot be mended.
func (m *model) leave(b *browser) {
	_ = m.topics.Unsubscribe(b.conn, modelTopic)
	m.sim.Settle() // what is on its way arrives
	b.client.Resume()
	m.sim.Settle()
	for _, ok := b.client.Next(); ok; _, ok = b.client.Next() {
	}
	m.settled()
	m.mu.Lock()
	delete(m.lost, b.conn)
	m.mu.Unlock()
}

// begin has a browser subscribe as if it was new.
func (m *model) begin(b *browser) {
	at, err := m.topics.Subscribe(b.conn, modelTopic)
	if err != nil {
		if b.conn.State() == conn.Open {
			m.t.Errorf("seed %d, history %d: subscribe: %v", m.seed, m.history, err)
		}
		m.cut(b)
		return
	}
	if m.now.Epoch == 0 {
		m.now = at
	}
	if at != m.now {
		m.t.Errorf("seed %d, history %d: at %v, want %v", m.seed, m.history, at, m.now)
	}
	b.at, b.joined, b.waiting = at, true, false
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

// read has a browser read what has arrived.
func (m *model) read(b *browser) {
	m.sim.Settle()
	m.settled()
	gap := false
	for msg, ok := b.client.Next(); ok; msg, ok = b.client.Next() {
		head, _, _ := strings.Cut(msg.String(), " ")
		var at Position
		if err := at.UnmarshalText([]byte(head)); err != nil {
			m.t.Fatal(err)
		}
		m.outcome.Read++
		switch {
		case at == Position{b.at.Epoch, b.at.Offset + 1}:
			b.at, b.waiting = at, false
		case at.Epoch == b.at.Epoch && at.Offset > b.at.Offset && b.waiting:
		case at.Epoch == b.at.Epoch && at.Offset <= b.at.Offset && b.asked:
		case at.Epoch == b.at.Epoch && at.Offset > b.at.Offset && m.isReported(b):
			gap = true
		default:
			m.t.Errorf("seed %d, history %d: read %v after %v; reported: %v, waits: %v; state %v", m.seed, m.history, at, b.at, m.isReported(b), b.waiting, b.conn.State())
		}
	}
	if gap {
		b.waiting = true
		m.join(b)
	}
}

// isReported reports whether it was reported that the browser's next message is lost.
func (m *model) isReported(b *browser) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	since, ok := m.lost[b.conn]
	return ok && since <= b.at.Offset
}

// finish has a browser read to the end: it has all then, or is away.
func (m *model) finish(b *browser) {
	for range 100 {
		if b.client == nil {
			return
		}
		b.client.Resume()
		m.read(b)
		if _, closed := b.client.Closed(); closed || b.client == nil || b.conn.State() != conn.Open {
			return
		}
		if b.at == m.now {
			return
		}
		if m.isReported(b) || b.waiting {
			b.waiting = true
			m.join(b)
			continue
		}
		m.t.Errorf("seed %d, history %d: at %v when all is read, want %v", m.seed, m.history, b.at, m.now)
		return
	}
	m.t.Errorf("seed %d, history %d: a browser asks again for ever", m.seed, m.history)
}
