package servertest_test

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/test/testcert"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/servertest"
)

func TestSim_TLS(t *testing.T) {
	sim := servertest.New(1, &server.Server{
		TLSConfig: testcert.Config(),
		OnMessage: func(c *conn.Conn, m conn.Message) { _ = c.Send(m.Type, m.Payload) },
	})
	c := sim.Dial("/")
	c.SendText("hello")
	sim.Settle()
	if m, ok := c.Next(); !ok || m.String() != "hello" {
		t.Errorf("got %q, %v", m.Payload, ok)
	}
	plain := sim.DialWith(servertest.Request{Plain: true})
	sim.Settle()
	if r := plain.Response(); r == nil || r.StatusCode != 400 {
		t.Errorf("a client that speaks no TLS got %+v", r)
	}
	c.Close(1000, "")
	sim.Advance(time.Minute)
	if c.End() != io.EOF {
		t.Errorf("the end: %v", c.End())
	}
	if err := sim.Close(); err != nil {
		t.Error(err)
	}
}

// A client waits for its TLS handshake once, however often a poller tells of it.
func TestSim_TLSHandshakesWait(t *testing.T) {
	for seed := range uint64(40) {
		srv := &server.Server{
			Logger:    slog.New(slog.DiscardHandler),
			TLSConfig: testcert.Config(),
			Limits:    server.Limits{MaxTLSHandshakes: 1},
			OnMessage: func(c *conn.Conn, m conn.Message) { _ = c.Send(m.Type, m.Payload) },
		}
		sim := servertest.New(seed, srv)
		sim.Faults = servertest.Faults{Cuts: 0.3, Stale: 0.5}
		var clients []*servertest.Client
		for range 5 {
			c := sim.Dial("/")
			c.SendText("hello")
			clients = append(clients, c)
		}
		sim.Settle()
		for i, c := range clients {
			if m, ok := c.Next(); !ok || m.String() != "hello" {
				t.Errorf("seed %d: client %d got %q, %v", seed, i, m.Payload, ok)
			}
		}
		if st := srv.Stats().TLS; st.Done != 5 || st.Waited == 0 {
			t.Errorf("seed %d: %+v", seed, st)
		}
		if err := sim.Close(); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
}
