package servertest

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// runtime.Goexit, which t.FailNow is, ends the goroutine that calls it and nobody else,
// once what it has deferred has run: that may wait, too.
func TestGo_Goexit(t *testing.T) {
	sim := simulate(t, 1, new(server.Server))
	var order []string
	ready := false
	sim.Go(func() {
		defer func() {
			sim.WaitFor(func() bool { return ready })
			order = append(order, "deferred")
		}()
		runtime.Goexit()
	})
	sim.Settle()
	sim.Go(func() {
		order = append(order, "another")
		ready = true
	})
	sim.Settle()
	if got := strings.Join(order, " "); got != "another deferred" {
		t.Errorf("in the order %q", got)
	}
}

// What panics on a goroutine of the simulation's comes out where the simulation is gone
// on with, and tells where it was.
func TestGo_Panic(t *testing.T) {
	sim := simulate(t, 1, new(server.Server))
	sim.Go(func() { panicHere() })
	defer func() {
		if p, _ := recover().(string); !strings.Contains(p, "enough") || !strings.Contains(p, "panicHere") {
			t.Errorf("recovered %q", p)
		}
	}()
	sim.Settle()
	t.Error("no panic")
}

func panicHere() { panic("enough") }

// What a program waits for may be what a client has got, and it may give up after a time:
// f looks at the simulation, which does not run meanwhile.
func TestWaitFor_LooksAtTheSimulation(t *testing.T) {
	sim := simulate(t, 1, &server.Server{OnMessage: func(c *conn.Conn, m conn.Message) { _ = c.SendMessage(m) }})
	c := sim.Dial("/")
	c.SendText("hello")
	var got, given time.Time
	sim.Go(func() {
		sim.WaitFor(func() bool { m, ok := c.Next(); return ok && m.String() == "hello" })
		got = sim.Now()
		limit := sim.Context(time.Minute)
		sim.WaitFor(func() bool {
			_, closed := c.Closed()
			return closed || !c.Connected() || sim.Now().Before(got) || limit.Err() != nil
		})
		given = sim.Now()
	})
	sim.Advance(90 * time.Second)
	if took := given.Sub(got); took != time.Minute {
		t.Errorf("gave up after %v, want a minute", took)
	}
}
