package topics

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/guard"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/servertest"
)

// play is a life of a server whose members come, go, publish and close within callbacks, their own and
// each other's, while they are published to. It returns the simulation's sum.
func play(t *testing.T, seed uint64) uint64 {
	h := &Topics{History: keep(History{Messages: 5, Last: seed%3 == 0})}
	rnd := rand.New(rand.NewPCG(seed, 11))
	srv := &server.Server{Loops: 2, Logger: quiet, Dispatch: conn.Dispatch(seed % 2), Overflow: conn.Overflow(seed % 4)}
	srv.MaxPending, srv.MaxMessageSize = 8<<10, 4<<10
	var all []*conn.Conn
	published := 0
	var act func(c *conn.Conn)
	act = func(c *conn.Conn) {
		other := all[rnd.IntN(len(all))]
		topic := fmt.Sprint("room.", rnd.IntN(3))
		switch rnd.IntN(14) {
		case 0, 1:
			_, _ = h.Subscribe(c, topic)
		case 2:
			_, _ = h.Subscribe(other, "room.*")
		case 3:
			_ = h.Unsubscribe(other, topic)
		case 4:
			_ = c.Close(frame.NormalClosure, "")
		case 5:
			if rnd.IntN(3) == 0 {
				other.Abort()
			}
		case 6:
			_ = h.SetPresence(c, topic, rnd.IntN(9))
		case 7:
			_ = h.SubscribeSince(other, topic, Position{Epoch: rnd.Uint64N(2)}, func(Position, error) { act(c) })
		default:
			published++
			filling := make([]byte, rnd.IntN(600))
			_, _ = h.PublishExcept(topic, other, conn.Message{Type: conn.Binary, Payload: filling})
		}
	}
	srv.OnConnection = func(c *conn.Conn) {
		all = append(all, c)
		_, _ = h.Subscribe(c, "room.0")
		act(c)
	}
	srv.OnMessage = func(c *conn.Conn, _ conn.Message) { act(c); act(c) }
	srv.OnClose = func(c *conn.Conn, _ conn.CloseInfo) {
		for topic := range h.Of(c) {
			t.Errorf("seed %d: a closed connection is a member of %q", seed, topic)
		}
		if _, err := h.Subscribe(c, "room.1"); err != conn.ErrClosed {
			t.Errorf("seed %d: a closed connection subscribes: %v", seed, err)
		}
		act(all[rnd.IntN(len(all))])
	}
	sim := servertest.New(seed, srv)
	sim.Faults, sim.Buffer = servertest.Rough(), 4<<10
	var clients []*servertest.Client
	for i := range 60 {
		if i < 12 || rnd.IntN(8) == 0 {
			clients = append(clients, sim.Dial("/"))
		}
		c := clients[rnd.IntN(len(clients))]
		switch rnd.IntN(12) {
		case 0:
			c.Pause()
		case 1:
			c.Resume()
		case 2:
			c.Leave()
		default:
			c.SendText("do something")
		}
		for range rnd.IntN(30) {
			sim.Step()
		}
	}
	sim.Advance(time.Second)
	sum := sim.Sum()
	if err := sim.Close(); err != nil {
		t.Errorf("seed %d: %v", seed, err)
	}
	(&world{Topics: h, t: t}).checkEmpty()
	if published == 0 {
		t.Errorf("seed %d: nothing was published", seed)
	}
	return sum
}

func TestSim_MembersComeAndGoInCallbacks(t *testing.T) {
	seeds := uint64(100)
	if guard.Checking {
		seeds = 15 // each look at who runs takes long
	}
	for seed := range seeds {
		if play(t, seed); t.Failed() {
			return
		}
	}
}

// A life with topics replays exactly from its seed: nothing of a delivery is left to chance.
func TestSim_Replays(t *testing.T) {
	for seed := range uint64(10) {
		if first, second := play(t, seed), play(t, seed); first != second {
			t.Errorf("seed %d: sums %x and %x", seed, first, second)
		}
	}
}
