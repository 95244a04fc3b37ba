package servertest_test

import (
	"log/slog"
	"math"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/servertest"
)

// timed is a client whose connection a limit ends.
type timed struct {
	limit func(*server.Limits) *time.Duration
	early float64 // the part of the limit that it may end before it
	dial  func(*servertest.Sim) *servertest.Client
}

// silent is a client that does nothing by itself.
func silent(sim *servertest.Sim) *servertest.Client {
	c := sim.Dial("/")
	c.Manual()
	return c
}

var timeds = map[string]timed{
	"IdleTimeout": {func(l *server.Limits) *time.Duration { return &l.IdleTimeout }, 0, silent},
	"MaxLifetime": {func(l *server.Limits) *time.Duration { return &l.MaxLifetime }, 0.1, func(sim *servertest.Sim) *servertest.Client {
		return sim.Dial("/")
	}},
	"WriteTimeout": {func(l *server.Limits) *time.Duration { return &l.WriteTimeout }, 0, func(sim *servertest.Sim) *servertest.Client {
		c := sim.Dial("/")
		sim.Settle()
		c.Pause()
		c.SendText("pour")
		return c
	}},
	"CloseTimeout": {func(l *server.Limits) *time.Duration { return &l.CloseTimeout }, 0, func(sim *servertest.Sim) *servertest.Client {
		c := silent(sim)
		c.SendText("close")
		return c
	}},
	"HandshakeTimeout": {func(l *server.Limits) *time.Duration { return &l.HandshakeTimeout }, 0, func(sim *servertest.Sim) *servertest.Client {
		return sim.DialWith(servertest.Request{Raw: []byte("GET / HTTP/1.1\r\n")})
	}},
	"CheckTimeout": {func(l *server.Limits) *time.Duration { return &l.CheckTimeout }, 0, func(sim *servertest.Sim) *servertest.Client {
		return sim.Dial("/check")
	}},
}

// withLimit is a machine whose server has one limit, and no other that would end a
// connection.
func withLimit(limit func(*server.Limits) *time.Duration, d time.Duration) (*server.Server, *servertest.Sim) {
	var sim *servertest.Sim
	srv := &server.Server{
		Logger:        slog.New(slog.DiscardHandler),
		CheckDispatch: conn.OnGoroutines,
		Check: func(h *server.Handshake) error {
			if h.Request.URL.Path == "/check" {
				sim.WaitFor(func() bool { return h.Request.Context().Err() != nil })
			}
			return nil
		},
		OnMessage: func(c *conn.Conn, m conn.Message) {
			if m.String() == "close" {
				_ = c.Close(frame.NormalClosure, "")
				return
			}
			for c.Pending() == 0 {
				_ = c.SendBinary(make([]byte, 1<<16))
			}
		},
		Limits: server.Limits{
			PingInterval: -1, HandshakeTimeout: math.MaxInt64, CheckTimeout: math.MaxInt64,
			Limits: conn.Limits{IdleTimeout: -1, WriteTimeout: -1, MaxLifetime: -1, CloseTimeout: math.MaxInt64},
		},
	}
	*limit(&srv.Limits) = d
	sim = servertest.New(1, srv)
	return srv, sim
}

const day = 24 * time.Hour

// Each limit ends what it is to end when its time has come, and not before, be it longer
// than what 32 bits of milliseconds or the ticks of a wheel can tell.
func TestSim_LimitsOfAnyLength(t *testing.T) {
	for name, c := range timeds {
		for _, d := range []time.Duration{time.Second, 25 * day, 50 * day} {
			srv, sim := withLimit(c.limit, d)
			client := c.dial(sim)
			early := d - time.Duration(c.early*float64(d)) - time.Millisecond
			sim.Advance(early)
			if client.End() != nil {
				t.Errorf("%s of %v: ended before that", name, d)
			}
			sim.Advance(d - early + 3*time.Second) // a refusal is read for two
			if n := srv.Stats().Timers; n != 0 {
				t.Errorf("%s of %v: %d clients are left after that", name, d, n)
			}
			if err := sim.Close(); err != nil {
				t.Errorf("%s of %v: %v", name, d, err)
			}
		}
	}
}

// What is to last for longer than anybody lives does, and takes the loop next to no turns:
// a wheel goes around in 205 seconds.
func TestSim_LimitsThatAreAsGoodAsNone(t *testing.T) {
	for name, c := range timeds {
		for _, d := range []time.Duration{10 * 365 * day, 100 * 365 * day, math.MaxInt64} {
			srv, sim := withLimit(c.limit, d)
			client := c.dial(sim)
			sim.Settle()
			before := sim.Steps()
			sim.Advance(30 * day)
			if client.End() != nil {
				t.Errorf("%s of %v: ended after %v", name, d, 30*day)
			}
			if n, most := sim.Steps()-before, int(30*day/(200*time.Second)); n > most {
				t.Errorf("%s of %v: %d things done in %v, want at most %d", name, d, n, 30*day, most)
			}
			if n := srv.Stats().Timers; n != 1 {
				t.Errorf("%s of %v: %d timers", name, d, n)
			}
			client.Leave()
			if err := sim.Close(); err != nil {
				t.Errorf("%s of %v: %v", name, d, err)
			}
		}
	}
}
