package topics

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/server"
)

// recorder notes what is reported.
type recorder struct {
	mu  sync.Mutex
	all []string
}

func (r *recorder) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, fmt.Sprintf(format, args...))
}

// expect waits until that was reported, and nothing else.
func (r *recorder) expect(t *testing.T, h *Topics, want ...string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		h.events.mu.Lock()
		running := h.events.running
		h.events.mu.Unlock()
		if !running {
			break
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if fmt.Sprint(r.all) != fmt.Sprint(want) {
		t.Errorf("reported %q, want %q", r.all, want)
	}
	r.all = nil
}

func TestEvents_AreCoalesced(t *testing.T) {
	r := new(recorder)
	h := new(Topics)
	h.OnInterest = func(topic string, on bool) { r.note("%s %v", topic, on) }
	entered, leave := make(chan bool), make(chan bool)
	h.OnChange = func(c Change) {
		if c.Topic == "gate" { // callbacks wait here, and changes come together
			entered <- true
			<-leave
			return
		}
		r.note("%s +%d -%d *%d", c.Topic, len(c.Joined), len(c.Left), len(c.Changed))
	}
	w, cl := newWorld(t, h, &server.Server{}, 3)
	w.subscribe(w.conns[0], "gate")
	<-entered
	for range 10 {
		w.subscribe(w.conns[0], "a")
		w.subscribe(w.conns[1], "a")
		_ = h.Unsubscribe(w.conns[0], "a")
	}
	_ = h.SetPresence(w.conns[1], "a", 1)
	w.subscribe(w.conns[0], "b") // of which nothing is left
	_ = h.Unsubscribe(w.conns[0], "b")
	h.events.mu.Lock()
	expect(t, "changes that wait", len(h.names["a"].reports.changes), 1) // of conns[0] nothing is kept
	h.events.mu.Unlock()
	leave <- true
	r.expect(t, h, "gate true", "a true", "a +1 -0 *0")

	_ = h.SetPresence(w.conns[1], "a", 2)
	w.subscribe(w.conns[2], "c")
	r.expect(t, h, "a +0 -0 *1", "c true", "c +1 -0 *0")
	_ = h.SetPresence(w.conns[2], "c", nil) // it had no value
	r.expect(t, h)
	_ = h.SetPresence(w.conns[1], "a", 3)
	r.expect(t, h, "a +0 -0 *1")
	cl[1].Leave()
	w.sim.Settle()
	r.expect(t, h, "a false", "a +0 -1 *0")
	w.subscribe(w.conns[2], "a.*")
	r.expect(t, h, "a.* true", "a.* +1 -0 *0")
	h.OnChange = nil // no callback waits when the connections end
}

// A change of other nodes' census is reported by a Change that has only its Topic, also if it comes together with changes
// of members.
func TestEvents_ChangeOfACensusIsReportedAlone(t *testing.T) {
	r := new(recorder)
	h := new(Topics)
	entered, leave := make(chan bool), make(chan bool)
	h.OnChange = func(c Change) {
		if c.Topic == "gate" { // callbacks wait here, and changes come together
			entered <- true
			<-leave
			return
		}
		r.note("%s +%d -%d *%d", c.Topic, len(c.Joined), len(c.Left), len(c.Changed))
	}
	w, _ := newWorld(t, h, &server.Server{}, 2)
	w.subscribe(w.conns[0], "gate")
	<-entered
	w.subscribe(w.conns[0], "a")
	h.named("a").reportCensus()
	w.subscribe(w.conns[1], "a")
	h.named("a").reportCensus()
	w.subscribe(w.conns[0], "b")
	w.subscribe(w.conns[0], "c")
	h.named("c").reportCensus()
	_ = h.Unsubscribe(w.conns[0], "c")
	leave <- true
	r.expect(t, h, "a +2 -0 *0", "a +0 -0 *0", "b +1 -0 *0", "c +0 -0 *0")
	h.OnChange = nil // no callback waits when the connections end
}
