package topics

import (
	"fmt"
	"strings"
	"testing"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// A member that does not read loses what its policy says, is reported with the position from
// which it can ask again, and gets everything then. The others get all messages meanwhile.
func TestLost_IsReportedWithThePosition(t *testing.T) {
	for _, policy := range []conn.Overflow{conn.OverflowRefuse, conn.OverflowDropOldest} {
		t.Run(policy.String(), func(t *testing.T) {
			lost := make(chan Lost, 100)
			h := &Topics{History: keep(History{Messages: 1000}), OnLost: func(l Lost) { lost <- l }}
			w, cl := newWorld(t, h, &server.Server{Limits: server.Limits{Limits: conn.Limits{MaxPending: 16 << 10, MaxMessageSize: 4 << 10}}, Overflow: policy}, 2)
			for _, c := range w.conns {
				w.subscribe(c, "a")
			}
			cl[0].Pause()
			var all []string
			for i := range 100 {
				all = append(all, fmt.Sprint(i, ":", strings.Repeat("x", 1000)))
				w.publish("a", all[i])
				w.sim.Settle()
			}
			w.expect(cl[1], strings.Join(all, " "))
			l := <-lost
			expect(t, "connection", l.Conn, w.conns[0])
			expect(t, "topic", l.Topic, "a")
			cl[0].Resume()
			seen := strings.Fields(w.read(cl[0]))
			n := int(l.Since.Offset)
			if n == 0 || n >= len(all) || len(seen) < n || strings.Join(seen[:n], " ") != strings.Join(all[:n], " ") {
				t.Fatalf("all up to %d are said to be there, of %d", n, len(seen))
			}
			if len(seen) > n && seen[n] == all[n] {
				t.Errorf("message %d is there, and reported to be lost", n)
			}
			for from := n; from < len(all); from += 5 { // as much at a time as there is room for
				_ = h.Unsubscribe(w.conns[0], "a")
				_, err := w.answer(w.conns[0], "a", Position{l.Since.Epoch, uint64(from)})
				if err == ErrTooMuch {
					continue
				}
				expect(t, "since", err, nil)
				w.expect(cl[0], strings.Join(all[from:], " "))
				break
			}
			if n := h.Stats().Lost; n == 0 {
				t.Error("nothing is counted as lost")
			}
		})
	}
}

// A loop without its members' connections keeps nothing.
func TestOverflowClose_EndsMembership(t *testing.T) {
	w, cl := newWorld(t, new(Topics), &server.Server{Limits: server.Limits{Limits: conn.Limits{MaxPending: 16 << 10, MaxMessageSize: 4 << 10}}}, 2)
	for _, c := range w.conns {
		w.subscribe(c, "a")
	}
	cl[0].Pause()
	for range 100 {
		w.publish("a", strings.Repeat("x", 1000))
		w.sim.Settle()
	}
	w.sim.Advance(conn.Limits{}.CloseTimeout + 1e10)
	expect(t, "members", w.Count("a"), 1)
}

// What was published while nobody was there can be lost as well, when it is sent to one that
// comes back.
func TestLost_OfWhatWasMissed(t *testing.T) {
	lost := make(chan Lost, 100)
	h := &Topics{History: keep(History{Messages: 1000}), OnLost: func(l Lost) { lost <- l }}
	w, cl := newWorld(t, h, &server.Server{Limits: server.Limits{Limits: conn.Limits{MaxPending: 16 << 10, MaxMessageSize: 4 << 10}}, Overflow: conn.OverflowDropOldest}, 1)
	at := w.publish("a", "0")
	for range 10 {
		w.publish("a", strings.Repeat("x", 1000))
	}
	cl[0].Pause()
	for w.conns[0].Pending() == 0 {
		_ = w.conns[0].SendBinary(make([]byte, 1000))
		w.sim.Settle()
	}
	w.since(w.conns[0], "a", Position{at.Epoch, 1}, nil)
	for range 30 {
		_ = w.conns[0].SendBinary(make([]byte, 1000))
		w.sim.Settle()
	}
	expect(t, "since", (<-lost).Since, at)
}
