package topics

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/servertest"
)

var quiet = slog.New(slog.DiscardHandler)

// world is topics with the connections of a simulated server.
type world struct {
	*Topics
	t     *testing.T
	srv   *server.Server
	sim   *servertest.Sim
	conns []*conn.Conn

	shared bool // another world has members too, when this one ends
	asked  int  // calls of SubscribeSince that are not answered
}

// newWorld is a world with n clients.
func newWorld(t *testing.T, h *Topics, srv *server.Server, n int) (*world, []*servertest.Client) {
	t.Helper()
	w := &world{Topics: h, t: t, srv: srv}
	srv.Logger = quiet
	srv.OnConnection = func(c *conn.Conn) { w.conns = append(w.conns, c) }
	w.sim = servertest.New(1, srv)
	t.Cleanup(func() {
		if err := w.sim.Close(); err != nil {
			t.Error(err)
		}
		h.aging.close() // the time may be the test's
		if !w.shared {
			w.checkEmpty()
		}
		expect(t, "calls of SubscribeSince without an answer", w.asked, 0)
	})
	var clients []*servertest.Client
	for range n {
		clients = append(clients, w.dial())
	}
	return w, clients
}

func (w *world) dial() *servertest.Client {
	c := w.sim.Dial("/")
	w.sim.Settle()
	return c
}

// checkEmpty checks that the topics have forgotten connections that are closed.
func (w *world) checkEmpty() {
	w.t.Helper()
	if s := w.Stats(); s.Subscriptions != 0 {
		w.t.Errorf("%d subscriptions of connections that are closed", s.Subscriptions)
	}
	for _, t := range w.names {
		if len(t.parts) != 0 || t.members != 0 || len(t.present) != 0 {
			w.t.Errorf("topic %q has members of connections that are closed", t.name)
		}
		if !t.keep.keeps() {
			w.t.Errorf("topic %q is kept for nothing", t.name)
		}
	}
	if !w.patterns.isEmpty() || w.wild != 0 || len(w.shards) != 0 {
		w.t.Errorf("patterns %v, %d of them, and %d shards are left", w.patterns, w.wild, len(w.shards))
	}
}

func text(s string) conn.Message { return conn.Message{Type: conn.Text, Payload: []byte(s)} }

func (w *world) subscribe(c *conn.Conn, topic string) Position {
	w.t.Helper()
	at, err := w.Subscribe(c, topic)
	if err != nil {
		w.t.Errorf("subscribe to %q: %v", topic, err)
	}
	return at
}

func (w *world) publish(topic, s string) Position {
	w.t.Helper()
	at, err := w.Publish(topic, text(s))
	if err != nil {
		w.t.Errorf("publish to %q: %v", topic, err)
	}
	return at
}

// since has a connection subscribe since a position. The answer must be that.
func (w *world) since(c *conn.Conn, topic string, at Position, want error) {
	w.t.Helper()
	w.asked++
	if err := w.SubscribeSince(c, topic, at, func(_ Position, err error) {
		w.asked--
		if err != want {
			w.t.Errorf("subscribe since %v: %v, want %v", at, err, want)
		}
	}); err != nil {
		w.t.Errorf("subscribe since %v: %v", at, err)
	}
}

// answer is the answer to SubscribeSince, when it has come; conn.ErrClosed if the connection is closed before.
func (w *world) answer(c *conn.Conn, topic string, since Position) (at Position, err error) {
	err = conn.ErrClosed
	if failed := w.SubscribeSince(c, topic, since, func(p Position, e error) { at, err = p, e }); failed != nil {
		return at, failed
	}
	w.sim.Settle()
	return at, err
}

// read is what a client has received, with spaces between.
func (w *world) read(c *servertest.Client) string {
	w.sim.Settle()
	var all []string
	for m, ok := c.Next(); ok; m, ok = c.Next() {
		all = append(all, m.String())
	}
	return strings.Join(all, " ")
}

func (w *world) expect(c *servertest.Client, want string) {
	w.t.Helper()
	if got := w.read(c); got != want {
		w.t.Errorf("client %d reads %q, want %q", c.ID(), got, want)
	}
}

func expect[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: this does not happen", what)
		}
	}
}
