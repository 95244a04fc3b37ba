package servertest_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/servertest"
)

// A connection whose peer has closed has all of CloseTimeout for the callback that still
// answers, although its lifetime is over meanwhile.
func TestSim_LifetimeDoesNotCutAClosingHandshakeShort(t *testing.T) {
	for seed := range uint64(10) {
		var sim *servertest.Sim
		var ends []conn.CloseInfo
		srv := &server.Server{
			Logger:   slog.New(slog.DiscardHandler),
			Dispatch: conn.OnGoroutines,
			Limits:   server.Limits{Limits: conn.Limits{MaxLifetime: 100 * time.Second, CloseTimeout: time.Minute}},
			OnMessage: func(c *conn.Conn, _ conn.Message) {
				sim.Sleep(20 * time.Second)
				_ = c.SendText("answer")
			},
			OnClose: func(_ *conn.Conn, info conn.CloseInfo) { ends = append(ends, info) },
		}
		sim = servertest.New(seed, srv)
		c := sim.Dial("/")
		sim.Advance(85 * time.Second)
		c.SendText("question")
		c.Close(frame.NormalClosure, "")
		sim.Advance(time.Hour)
		if m, ok := c.Next(); !ok || m.String() != "answer" {
			t.Errorf("seed %d: got %q, %v", seed, m.Payload, ok)
		}
		if len(ends) != 1 || !ends[0].Clean() || ends[0].Sent != frame.NormalClosure {
			t.Errorf("seed %d: ended by %v", seed, ends)
		}
		if n := srv.Stats().Expired; n != 0 {
			t.Errorf("seed %d: %d counted as expired", seed, n)
		}
		if err := sim.Close(); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
}
