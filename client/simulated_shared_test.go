package client_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/client"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/servertest"
)

// proxied has clients talk to a server through a proxy. Both are the same server, by the path: "/behind" answers, and
// any other path is the proxy's. That dials "/behind" with a client on the server's own loops. cut ends that client at
// once, in place of gently. It returns how many answers came to the clients.
func proxied(t *testing.T, seed uint64, faults servertest.Faults, cut bool) (answers int, sum uint64) {
	t.Helper()
	var sim *servertest.Sim
	var c *client.Client
	quiet := slog.New(slog.DiscardHandler)
	srv := &server.Server{Logger: quiet, Loops: 2, OnMessage: func(ws *conn.Conn, m conn.Message) { _ = ws.SendText("answer to " + m.String()) }}
	srv.OnConnection = func(front *conn.Conn) {
		if r, _ := front.Request(); r.URL.Path == "/behind" {
			return
		}
		var early []string // before there is a connection behind
		front.OnMessage(func(_ *conn.Conn, m conn.Message) { early = append(early, m.String()) })
		sim.Go(func() {
			ws, err := c.Dial(context.Background(), "ws://server.test/behind")
			if err != nil {
				front.Abort()
				return
			}
			ws.OnMessage(func(_ *conn.Conn, m conn.Message) { _ = front.SendMessage(m) })
			for _, text := range early {
				_ = ws.SendText(text)
			}
			front.OnMessage(func(_ *conn.Conn, m conn.Message) { _ = ws.SendMessage(m) })
		})
	}
	sim = servertest.New(seed, srv)
	sim.Faults = faults
	loops, err := srv.EventLoops()
	if err != nil {
		t.Fatal(err)
	}
	c = &client.Client{Transport: sim.Transport(), EventLoops: loops, Logger: quiet}
	var fronts []*servertest.Client
	for range 10 {
		front := sim.Dial("/")
		front.SendText("hello")
		fronts = append(fronts, front)
	}
	sim.Advance(10 * time.Second)
	for _, front := range fronts {
		for m, ok := front.Next(); ok; m, ok = front.Next() {
			if m.String() != "answer to hello" {
				t.Errorf("seed %d: a client got %q", seed, m)
			}
			answers++
		}
	}
	ended := false
	sim.Go(func() {
		if cut {
			_ = c.Close()
		} else if err := c.Shutdown(sim.Context(time.Minute)); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("seed %d: Shutdown: %v", seed, err)
		}
		ended = true
	})
	sim.Advance(2 * time.Minute)
	if st := c.Stats(); !ended || st.Opened != st.Closed {
		t.Errorf("seed %d: the client has ended: %v, with %d of %d connections closed", seed, ended, st.Closed, st.Opened)
	}
	if err := sim.Close(); err != nil {
		t.Errorf("seed %d: %v", seed, err)
	}
	return answers, sim.Sum()
}

// A client has its connections on the loops of a simulated server, and a seed replays exactly.
func TestSimulated_EventLoopsOfTheServer(t *testing.T) {
	for _, cut := range []bool{false, true} {
		if answers, _ := proxied(t, 1, servertest.Faults{}, cut); answers != 10 {
			t.Errorf("%d of 10 answers came through", answers)
		}
		for seed := range uint64(20) {
			_, sum := proxied(t, seed, servertest.Rough(), cut)
			if _, again := proxied(t, seed, servertest.Rough(), cut); again != sum {
				t.Errorf("seed %d: sum %x, and then %x", seed, sum, again)
			}
		}
	}
}

// A client that dials on one machine cannot have the loops of another.
func TestSimulated_EventLoopsOfAnotherMachine(t *testing.T) {
	srv, other := &server.Server{Logger: slog.New(slog.DiscardHandler)}, &server.Server{Logger: slog.New(slog.DiscardHandler)}
	sim, otherSim := servertest.New(1, srv), servertest.New(1, other)
	loops, err := srv.EventLoops()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]*client.Client{"no machine": {EventLoops: loops}, "another": {EventLoops: loops, Transport: otherSim.Transport()}} {
		c.Logger = srv.Logger
		var err error
		otherSim.Go(func() { _, err = c.Dial(context.Background(), "ws://server.test/") })
		otherSim.Settle()
		if err == nil || !strings.Contains(err.Error(), "simulated machine") {
			t.Errorf("the Transport of %s: %v", name, err)
		}
		_ = c.Close()
	}
	for _, s := range []*servertest.Sim{sim, otherSim} {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
