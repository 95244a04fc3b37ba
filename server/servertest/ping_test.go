package servertest_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/servertest"
)

// With the defaults every client is sent something within 50 s, as proxies want it that cut
// after 60: one that is silent, and one that sends all the time and is answered nothing.
func TestSim_EveryClientIsSentSomethingWithin50Seconds(t *testing.T) {
	sim := servertest.New(1, &server.Server{Logger: slog.New(slog.DiscardHandler)})
	silent, talker := sim.Dial("/"), sim.Dial("/")
	sim.Settle()
	last, pings := map[*servertest.Client]time.Time{silent: sim.Now(), talker: sim.Now()}, make(map[*servertest.Client]int)
	for range 1000 {
		talker.SendText("measured")
		sim.Advance(time.Second)
		for c := range last {
			if n := c.Pings(); n > pings[c] {
				last[c], pings[c] = sim.Now(), n
			}
			if since := sim.Now().Sub(last[c]); since > 50*time.Second {
				t.Fatalf("client %d was sent nothing for %v", c.ID(), since)
			}
		}
	}
	for c, n := range pings {
		if n > 1000/40 {
			t.Errorf("client %d was sent %d pings in 1,000 s", c.ID(), n)
		}
	}
	if err := sim.Close(); err != nil {
		t.Error(err)
	}
}
