package servertest

import (
	"runtime"
	"strings"
	"testing"

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
