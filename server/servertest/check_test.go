package servertest_test

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/test/testcert"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/servertest"
)

// However the network cuts a request, and what comes behind it, and whenever its check on
// a goroutine gets to run: each client
// that is let in is heard, each other one is refused, and none is forgotten.
func TestSim_ChecksOnGoroutines(t *testing.T) {
	for seed := range uint64(60) {
		srv := &server.Server{
			Logger:        slog.New(slog.DiscardHandler),
			Loops:         2,
			CheckDispatch: conn.OnGoroutines,
			Limits:        server.Limits{MaxChecks: 1 + int(seed%3)},
			OnMessage:     func(c *conn.Conn, m conn.Message) { _ = c.Send(m.Type, m.Payload) },
		}
		srv.Check = func(h *server.Handshake) error {
			switch h.Request.URL.Path {
			case "/no":
				return errors.New("no")
			case "/panic":
				panic("check")
			}
			return nil
		}
		if seed%2 > 0 {
			srv.TLSConfig = testcert.Config()
		}
		sim := servertest.New(seed, srv)
		sim.Faults = servertest.Faults{Cuts: 0.5, ShortReads: 0.5, Spurious: 0.1}
		var in []*servertest.Client
		for range 2 {
			c := sim.Dial("/yes")
			c.SendText("hello")
			in = append(in, c)
			sim.Dial("/no").SendText("let me in")
			sim.Dial("/panic")
		}
		sim.Settle()
		for _, c := range in {
			if m, ok := c.Next(); !ok || m.String() != "hello" {
				t.Errorf("seed %d: got %q, %v", seed, m.Payload, ok)
			}
		}
		st := srv.Stats()
		if st.Refused[server.ReasonCheck] != 2 || st.Refused[server.ReasonInternal] != 2 || st.Refused[server.ReasonCheckBusy] != 0 {
			t.Errorf("seed %d: refused %v", seed, st.Refused)
		}
		if err := sim.Close(); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
}
