package topics

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/client"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/servertest"
)

// member is a member whose peer a test has read, or not.
type member struct {
	*conn.Conn
	pause, resume func()
	read          func() string // what the peer has got, with spaces between
}

// intake is a server's program that reads what clients send, unless it is paused.
type intake struct {
	sim    *servertest.Sim
	paused bool
	got    []string
}

func (in *intake) receive(_ *conn.Conn, m conn.Message) {
	in.sim.WaitFor(func() bool { return !in.paused })
	in.got = append(in.got, m.String())
}

func (in *intake) read() string {
	in.sim.Settle()
	got := strings.Join(in.got, " ")
	in.got = nil
	return got
}

// dialled is a member that has dialled the world's server, which is the intake's.
func (w *world) dialled(in *intake, c *client.Client) member {
	c.Transport, c.Logger = w.sim.Transport(), quiet
	var ws *conn.Conn
	w.sim.Go(func() {
		var err error
		if ws, err = c.Dial(context.Background(), "ws://server.test/"); err != nil {
			w.t.Error(err)
		}
	})
	w.sim.Settle()
	w.t.Cleanup(func() {
		over := false
		w.sim.Go(func() { _ = c.Close(); over = true })
		w.sim.RunUntil(time.Minute, func() bool { return over })
	})
	return member{ws, func() { in.paused = true }, func() { in.paused = false }, in.read}
}

// A member whose peer does not read loses what its policy says, is reported with the position from
// which it can ask again, and gets everything then. The others get all messages meanwhile. So it is for a server's
// connection, and for a client's.
func TestLost_IsReportedWithThePosition(t *testing.T) {
	for _, side := range []string{"server", "client"} {
		for _, policy := range []conn.Overflow{conn.OverflowRefuse, conn.OverflowDropOldest} {
			t.Run(fmt.Sprint(side, "/", policy), func(t *testing.T) {
				lost := make(chan Lost, 100)
				h := &Topics{History: keep(History{Messages: 1000}), OnLost: func(l Lost) { lost <- l }}
				limits, in := conn.Limits{MaxPending: 16 << 10, MaxMessageSize: 4 << 10, QueueMessages: 4}, new(intake)
				srv := &server.Server{Limits: server.Limits{Limits: limits}, Overflow: policy, Dispatch: conn.OnGoroutines, OnMessage: in.receive}
				w, cl := newWorld(t, h, srv, 2)
				in.sim, w.sim.Buffer = w.sim, 8<<10
				m := member{w.conns[0], cl[0].Pause, cl[0].Resume, func() string { return w.read(cl[0]) }}
				if side == "client" {
					m = w.dialled(in, &client.Client{Limits: client.Limits{Limits: limits}, Overflow: policy})
				}
				w.loses(m, w.conns[1], cl[1], lost)
			})
		}
	}
}

// loses has a member lose messages, and ask for them. Another one gets all.
func (w *world) loses(m member, other *conn.Conn, reads *servertest.Client, lost chan Lost) {
	t := w.t
	w.subscribe(m.Conn, "a")
	w.subscribe(other, "a")
	m.pause()
	var all []string
	for i := range 100 {
		all = append(all, fmt.Sprint(i, ":", strings.Repeat("x", 1000)))
		w.publish("a", all[i])
		w.sim.Settle()
	}
	w.expect(reads, strings.Join(all, " "))
	if w.Stats().Lost == 0 {
		t.Fatal("nothing is counted as lost")
	}
	l := <-lost
	expect(t, "connection", l.Conn, m.Conn)
	expect(t, "topic", l.Topic, "a")
	m.resume()
	seen := strings.Fields(m.read())
	n := int(l.Since.Offset)
	if n == 0 || n >= len(all) || len(seen) < n || strings.Join(seen[:n], " ") != strings.Join(all[:n], " ") {
		t.Fatalf("all up to %d are said to be there, of %d", n, len(seen))
	}
	if len(seen) > n && seen[n] == all[n] {
		t.Errorf("message %d is there, and reported to be lost", n)
	}
	for from := n; from < len(all); from += 5 { // as much at a time as there is room for
		_ = w.Unsubscribe(m.Conn, "a")
		_, err := w.answer(m.Conn, "a", Position{l.Since.Epoch, uint64(from)})
		if err == ErrTooMuch {
			continue
		}
		expect(t, "since", err, nil)
		expect(t, "what the peer gets", m.read(), strings.Join(all[from:], " "))
		break
	}
}

// A loop without its members' connections keeps nothing.
func TestOverflowClose_EndsMembership(t *testing.T) {
	w, cl := newWorld(t, new(Topics), &server.Server{Limits: server.Limits{Limits: conn.Limits{MaxPending: 16 << 10, MaxMessageSize: 4 << 10}}}, 2)
	for _, c := range w.conns {
		w.subscribe(c, "a")
	}
	cl[0].Pause()
	for range 100 {
		w.publish("a", strings.Repeat("x", 1000))
		w.sim.Settle()
	}
	w.sim.Advance(conn.Limits{}.CloseTimeout + 1e10)
	expect(t, "members", w.Count("a"), 1)
}

// What was published while nobody was there can be lost as well, when it is sent to one that
// comes back.
func TestLost_OfWhatWasMissed(t *testing.T) {
	lost := make(chan Lost, 100)
	h := &Topics{History: keep(History{Messages: 1000}), OnLost: func(l Lost) { lost <- l }}
	w, cl := newWorld(t, h, &server.Server{Limits: server.Limits{Limits: conn.Limits{MaxPending: 16 << 10, MaxMessageSize: 4 << 10}}, Overflow: conn.OverflowDropOldest}, 1)
	at := w.publish("a", "0")
	for range 10 {
		w.publish("a", strings.Repeat("x", 1000))
	}
	cl[0].Pause()
	for w.conns[0].Pending() == 0 {
		_ = w.conns[0].SendBinary(make([]byte, 1000))
		w.sim.Settle()
	}
	w.since(w.conns[0], "a", Position{at.Epoch, 1}, nil)
	for range 30 {
		_ = w.conns[0].SendBinary(make([]byte, 1000))
		w.sim.Settle()
	}
	expect(t, "since", (<-lost).Since, at)
}
