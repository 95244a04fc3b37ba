package topics

import (
	"fmt"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

func keep(k History) func(string) History { return func(string) History { return k } }

func TestSubscribeSince_SendsWhatWasMissed(t *testing.T) {
	w, cl := newWorld(t, &Topics{History: keep(History{Messages: 3})}, &server.Server{Loops: 2}, 5)
	start := w.subscribe(w.conns[0], "a")
	expect(t, "offset", start.Offset, 0)
	w.since(w.conns[1], "a", start, nil) // nothing was published
	first := w.publish("a", "1")
	w.publish("a", "2")
	w.publish("a", "3")
	w.since(w.conns[2], "a", start, nil)
	last := w.publish("a", "4")
	w.since(w.conns[3], "a", start, ErrGap) // 1 is gone
	expect(t, "count", w.Count("a"), 3)
	w.since(w.conns[3], "a", Position{last.Epoch, last.Offset + 1}, ErrGap)
	w.since(w.conns[3], "a", Position{last.Epoch + 1, last.Offset}, ErrGap)
	w.since(w.conns[3], "a", first, nil)
	w.since(w.conns[4], "a", last, nil)
	w.publish("a", "5")
	for i, want := range []string{"1 2 3 4 5", "1 2 3 4 5", "1 2 3 4 5", "2 3 4 5", "5"} {
		w.expect(cl[i], want)
	}
	w.since(w.conns[4], "a", Position{last.Epoch, 3}, nil) // a member asks again
	w.publish("a", "6")
	w.expect(cl[4], "4 5 6")
}

func TestSubscribe_NewcomersGetTheLast(t *testing.T) {
	w, cl := newWorld(t, &Topics{History: keep(History{Last: true})}, &server.Server{}, 2)
	w.publish("price", "1")
	w.publish("price", "2")
	w.subscribe(w.conns[0], "price")
	w.publish("price", "3")
	w.subscribe(w.conns[1], "price")
	w.subscribe(w.conns[1], "price")
	w.expect(cl[0], "2 3")
	w.expect(cl[1], "3")
}

func TestHistory_IsBoundedInBytes(t *testing.T) {
	pub, err := newPublication(text("99"))
	expect(t, "error", err, nil)
	each := pub.size
	pub.release()
	h := &Topics{History: keep(History{Messages: 1000, Bytes: 11*each - 1})}
	for i := range 100 {
		_, _ = h.Publish("a", text(fmt.Sprint(i)))
	}
	r := &h.names["a"].history
	expect(t, "messages", r.n, 10)
	expect(t, "bytes", r.bytes, 10*each)
	_, _ = h.Publish("a", conn.Message{Type: conn.Binary, Payload: make([]byte, 11*each)})
	expect(t, "messages after a large one", r.n, 0)
}

// A quiet topic is recovered from, and a topic that was forgotten is not.
func TestHistory_Age(t *testing.T) {
	now := time.Unix(1e9, 0)
	h := &Topics{History: keep(History{Messages: 100, Age: time.Minute}), Now: func() time.Time { return now }}
	w, cl := newWorld(t, h, &server.Server{}, 3)
	quietly := w.subscribe(w.conns[0], "quiet")
	start := w.subscribe(w.conns[0], "a")
	now = now.Add(time.Hour) // with a member, a topic is not forgotten
	w.since(w.conns[1], "quiet", quietly, nil)
	w.publish("a", "1")
	now = now.Add(59 * time.Second)
	second := w.publish("a", "2")
	w.since(w.conns[1], "a", start, nil)
	now = now.Add(2 * time.Second)
	w.since(w.conns[2], "a", start, ErrGap) // 1 is too old
	w.since(w.conns[2], "a", Position{second.Epoch, 1}, nil)
	w.expect(cl[1], "1 2")
	w.expect(cl[2], "2")
	for _, c := range cl {
		c.Leave()
	}
	w.sim.Settle()
	now = now.Add(59 * time.Second)
	back := w.dial()
	w.since(w.conns[3], "quiet", quietly, nil)
	w.sim.Settle()
	back.Leave()
	w.sim.Settle()
	now = now.Add(time.Hour)
	w.publish("b", "sweep")
	w.publish("c", "sweep")
	w.publish("d", "sweep")
	expect(t, "topics", w.Stats().Topics, 3)
	w.dial()
	w.since(w.conns[4], "quiet", quietly, ErrGap)
	expect(t, "topics", w.Stats().Topics, 4)
}

func TestSubscribeSince_AllOrNothing(t *testing.T) {
	w, cl := newWorld(t, &Topics{History: keep(History{Messages: 100})},
		&server.Server{Limits: server.Limits{Limits: conn.Limits{MaxPending: 1000, MaxMessageSize: 500}}, Overflow: conn.OverflowRefuse}, 1)
	for i := range 20 {
		w.publish("a", fmt.Sprint("message ", i, string(make([]byte, 100))))
	}
	at := w.publish("a", "x")
	w.since(w.conns[0], "a", Position{at.Epoch, 0}, ErrTooMuch)
	w.expect(cl[0], "")
	expect(t, "count", w.Count("a"), 0)
	w.since(w.conns[0], "a", Position{at.Epoch, 20}, nil)
	w.expect(cl[0], "x")
}

func TestPosition_Text(t *testing.T) {
	for _, p := range []Position{{}, {1, 2}, {1<<64 - 1, 1<<64 - 1}} {
		var q Position
		expect(t, p.String(), q.UnmarshalText([]byte(p.String())), nil)
		expect(t, "position", q, p)
	}
	for _, s := range []string{"", ".", "1", "1.", ".1", "x.1", "1.-1", "1.1.1", "1.1 "} {
		if new(Position).UnmarshalText([]byte(s)) == nil {
			t.Errorf("%q is a position", s)
		}
	}
}

// Elsewhere a topic without messages could not be recovered from, since the last message was looked for
// among those that are kept (socket.io#5282).
func TestRegression_QuietTopic(t *testing.T) {
	w, cl := newWorld(t, &Topics{History: keep(History{Messages: 10})}, &server.Server{}, 3)
	at := w.subscribe(w.conns[0], "quiet")
	cl[0].Reset()
	w.sim.Settle()
	w.since(w.conns[1], "quiet", at, nil)
	last := w.publish("quiet", "1")
	w.sim.Settle()
	cl[1].Reset()
	w.sim.Settle()
	w.since(w.conns[2], "quiet", last, nil) // nothing was published since
	w.publish("quiet", "2")
	w.expect(cl[2], "2")
}

// Elsewhere a client that came back too quickly, before the server had noticed that it was gone,
// got nothing or everything twice.
func TestRegression_ComebackBeforeTheCutIsNoticed(t *testing.T) {
	w, cl := newWorld(t, &Topics{History: keep(History{Messages: 10})}, &server.Server{Loops: 2}, 1)
	w.subscribe(w.conns[0], "a")
	at := w.publish("a", "1")
	w.expect(cl[0], "1")
	cl[0].Pause() // a tunnel: the server has a connection to nobody
	w.publish("a", "2")
	back := w.dial()
	w.since(w.conns[1], "a", at, nil)
	w.publish("a", "3")
	expect(t, "members", w.Count("a"), 2)
	w.expect(back, "2 3")
	cl[0].Reset()
	w.sim.Settle()
	expect(t, "members", w.Count("a"), 1)
	w.publish("a", "4")
	w.expect(back, "4")
}
