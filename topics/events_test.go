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
	expect(t, "changes that wait", len(h.events.reports["a"].changes), 1) // of conns[0] nothing is kept
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

// gated is topics whose callbacks wait, once begun is called, until goOn is. What OnChange and OnInterest report goes to r.
func gated(t *testing.T, r *recorder) (h *Topics, begin func(w *world), goOn func()) {
	h = new(Topics)
	entered, leave := make(chan bool), make(chan bool)
	h.OnInterest = func(topic string, on bool) { r.note("%s %v", topic, on) }
	h.OnChange = func(c Change) {
		if c.Topic == "gate" {
			if len(c.Joined) > 0 {
				entered <- true
				<-leave
			}
			return
		}
		r.note("%s +%d -%d *%d", c.Topic, len(c.Joined), len(c.Left), len(c.Changed))
	}
	begin = func(w *world) { w.subscribe(w.conns[0], "gate"); <-entered }
	return h, begin, func() { leave <- true }
}

// Changes are reported together over several lives of a topic, and what is undone before is not reported and takes nothing.
func TestEvents_AreCoalescedOverLivesOfATopic(t *testing.T) {
	r := new(recorder)
	h, begin, goOn := gated(t, r)
	w, _ := newWorld(t, h, &server.Server{}, 3)
	w.subscribe(w.conns[1], "a")
	w.subscribe(w.conns[1], "b")
	r.expect(t, h, "a true", "a +1 -0 *0", "b true", "b +1 -0 *0")
	begin(w)
	for i := range 1000 { // of which nothing is left
		name := fmt.Sprint("topic.", i)
		w.subscribe(w.conns[2], name)
		_ = h.Unsubscribe(w.conns[2], name)
	}
	h.events.mu.Lock()
	expect(t, "topics with something to report", h.events.due.Len(), 0)
	expect(t, "topics that are remembered", len(h.events.reports), 3)
	h.events.mu.Unlock()
	for range 3 {
		_ = h.Unsubscribe(w.conns[1], "a")
		w.subscribe(w.conns[1], "a")
		_ = h.Unsubscribe(w.conns[1], "b")
		w.subscribe(w.conns[2], "b")
		_ = h.Unsubscribe(w.conns[2], "b")
		w.subscribe(w.conns[2], "b")
	}
	goOn()
	r.expect(t, h, "gate true", "b +1 -1 *0")
	_ = h.Unsubscribe(w.conns[1], "a")
	_ = h.Unsubscribe(w.conns[2], "b")
	r.expect(t, h, "a false", "a +0 -1 *0", "b false", "b +0 -1 *0")
}

// A member that left and came back, or was given the value that it had, has no other value.
func TestEvents_ChangedHaveAnotherValue(t *testing.T) {
	r := new(recorder)
	h, begin, goOn := gated(t, r)
	w, _ := newWorld(t, h, &server.Server{}, 3)
	set := func(c int, topic string, value any) {
		t.Helper()
		expect(t, "presence", h.SetPresence(w.conns[c], topic, value), nil)
	}
	begin(w)
	for _, topic := range []string{"same", "back", "other"} {
		for c := range 2 {
			w.subscribe(w.conns[c], topic)
			set(c, topic, "x")
		}
	}
	goOn()
	r.expect(t, h, "gate true", "same true", "same +2 -0 *0", "back true", "back +2 -0 *0", "other true", "other +2 -0 *0")
	_ = h.Unsubscribe(w.conns[0], "gate")
	r.expect(t, h, "gate false")
	begin(w)
	set(0, "same", "x")
	set(1, "same", "y")
	set(1, "same", "x")
	_ = h.Unsubscribe(w.conns[0], "back")
	w.subscribe(w.conns[0], "back")
	set(0, "back", "x")
	_ = h.Unsubscribe(w.conns[0], "other")
	w.subscribe(w.conns[0], "other")        // without its value
	set(1, "other", []byte("not compared")) // nor is this
	goOn()
	r.expect(t, h, "gate true", "other +0 -0 *2")
	set(1, "other", []byte("not compared"))
	r.expect(t, h, "other +0 -0 *1")
}

// What connections have lost that are closed before it is reported takes nothing.
func TestEvents_LossesOfClosedConnectionsAreForgotten(t *testing.T) {
	h := &Topics{}
	entered, leave := make(chan bool, 1), make(chan bool)
	h.OnLost = func(Lost) { entered <- true; <-leave }
	w, cl := newWorld(t, h, &server.Server{}, 4)
	of := &era{topic: h.lock("a", false)}
	of.topic.mu.Unlock()
	lose := func(i int) { _, _ = w.Subscribe(w.conns[i], "a"); h.known(w.conns[i]).noteLost(of, 1) }
	lose(0)
	<-entered
	for i := 1; i < 4; i++ {
		lose(i)
		lose(i)
	}
	cl[1].Reset()
	cl[2].Reset()
	w.sim.Settle()
	h.events.mu.Lock()
	expect(t, "connections with something to report", h.events.due.Len(), 1)
	h.events.mu.Unlock()
	leave <- true
	<-entered
	leave <- true
}
