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

// Peers that have answered the ping in time are not idle, though a callback kept the loop
// from reading that until their time was over, and they are more than it serves in a turn.
func TestSim_ALateLoopEndsNoPeerThatHasAnswered(t *testing.T) {
	const peers = 600
	for _, dispatch := range []conn.Dispatch{conn.OnLoop, conn.OnGoroutines, conn.Adaptive} {
		var sim *servertest.Sim
		held, ends := false, make(map[frame.CloseCode]int)
		srv := &server.Server{
			Logger: slog.New(slog.DiscardHandler),
			Limits: server.Limits{Limits: conn.Limits{IdleTimeout: 4 * time.Second}},
			Check: func(h *server.Handshake) error {
				if h.Request.URL.Path == "/hold" {
					held = true
					sim.Sleep(2300 * time.Millisecond)
				}
				return nil
			},
			Dispatch: dispatch,
			OnClose:  func(_ *conn.Conn, info conn.CloseInfo) { ends[info.Sent]++ },
		}
		sim = servertest.New(1, srv)
		var clients []*servertest.Client
		for range peers {
			c := sim.Dial("/")
			c.Manual()
			clients = append(clients, c)
		}
		sim.Advance(2200 * time.Millisecond)
		holder := sim.Dial("/hold")
		if !sim.RunUntil(time.Second, func() bool { return held }) {
			t.Fatal("nobody holds the loop")
		}
		for _, c := range clients {
			if c.Pings() != 1 {
				t.Fatalf("%d pings", c.Pings())
			}
			c.SendFrame(frame.Header{Fin: true, Opcode: frame.Pong}, nil)
		}
		sim.Advance(3 * time.Second)
		if len(ends) > 0 {
			t.Errorf("dispatch %v: %v of %d peers that had answered were closed", dispatch, ends, peers)
		}
		sim.Advance(5 * time.Second) // now they say nothing
		if n := srv.ClientCount(); n != 1 {
			t.Errorf("dispatch %v: %d are left in the end", dispatch, n)
		}
		holder.Leave()
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	}
}
