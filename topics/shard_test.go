package topics

import (
	"testing"

	"github.com/framerail/framerail/server"
)

// A publication to many members takes several turns. Each gets it once, whoever comes or goes meanwhile.
func TestShard_SplitsAPublication(t *testing.T) {
	for most := 1; most < 6; most++ {
		w, cl := newWorld(t, new(Topics), &server.Server{}, 6)
		for _, c := range w.conns[:5] {
			w.subscribe(c, "a")
		}
		w.sim.Settle()
		s := w.known(w.conns[0]).shard
		w.publish("a", "1")
		w.publish("a", "2")
		if !s.carryOut(most) {
			t.Fatal("nothing is left")
		}
		expect(t, "sent", int(w.Stats().Delivered), most)
		w.subscribe(w.conns[5], "a")
		_ = w.Unsubscribe(w.conns[4], "a")
		s.carryOut(most)
		cl[0].Leave()
		w.sim.Settle()
		for i := 1; i < 5; i++ {
			w.expect(cl[i], "1 2")
		}
		w.expect(cl[5], "")
		w.publish("a", "3")
		w.expect(cl[1], "3")
		w.expect(cl[4], "")
		w.expect(cl[5], "3")
	}
}
