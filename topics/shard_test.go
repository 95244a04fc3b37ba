package topics

import (
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/framerail/framerail/conn"
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

// The end of a connection carries out nothing that waits, at whatever point of a publication it comes. The others get
// all of it once, and a join that waited is none.
func TestShard_EndsAMemberWithoutTheRest(t *testing.T) {
	for most := 1; most < 6; most++ {
		for leaves := range 6 {
			h, topics := newHost(6), new(Topics)
			for _, d := range h.all[:5] {
				_, _ = topics.Subscribe(connOf(&d.Conn), "a")
			}
			h.turn()
			publish := func(size int) {
				_, _ = topics.Publish("a", conn.Message{Type: conn.Binary, Payload: make([]byte, size)})
			}
			before := h.bytes()
			publish(1)
			publish(10)
			_, _ = topics.Subscribe(connOf(&h.all[5].Conn), "a")
			publish(100)
			topics.shards[h.loop].carryOut(most)
			h.all[leaves].Abort(nil)
			expect(t, "sent", int(topics.Stats().Delivered), most)
			h.turn()
			publish(1000)
			h.turn()
			for i, got := range h.bytes() {
				want := 3 + 12 + 102 + 1004
				if i == 5 {
					want = 102 + 1004
				}
				if i != leaves {
					expect(t, fmt.Sprintf("bytes for %d when %d leaves after %d", i, leaves, most), got-before[i], want)
				}
			}
			expect(t, "members", len(topics.lookup("a", false).parts[0].members), 5)
			h.close()
			expect(t, "shards", len(topics.shards), 0)
		}
	}
}

// Members may end one after another while a publication is split, in every order. After each end the others know their
// places in the list, and in the end each has had all, once.
func TestShard_MembersKnowTheirPlaces(t *testing.T) {
	for most := 1; most < 6; most++ {
		for _, order := range selections(5) {
			h, topics := newHost(5), new(Topics)
			for _, d := range h.all {
				_, _ = topics.Subscribe(connOf(&d.Conn), "a")
			}
			h.turn()
			members := topics.lookup("a", false).parts[0]
			publish := func(size int) {
				_, _ = topics.Publish("a", conn.Message{Type: conn.Binary, Payload: make([]byte, size)})
			}
			before := h.bytes()
			publish(1)
			publish(10)
			topics.shards[h.loop].carryOut(most)
			over := make(map[int]bool)
			for _, i := range order {
				h.all[i].Abort(nil)
				over[i] = true
				expect(t, "members", len(members.members), 5-len(over))
				for place, sub := range members.members {
					if int(sub.at) != place {
						t.Fatalf("%v end after %d: a member at %d believes to be at %d", order, most, place, sub.at)
					}
				}
			}
			h.turn()
			publish(100)
			h.turn()
			for i, got := range h.bytes() {
				if want := 3 + 12 + 102; !over[i] && got-before[i] != want {
					t.Fatalf("%v end after %d: member %d got %d bytes, want %d", order, most, i, got-before[i], want)
				}
			}
			h.close()
			expect(t, "shards", len(topics.shards), 0)
		}
	}
}

// selections are all ways to take some of n, one after another.
func selections(n int) (all [][]int) {
	all = [][]int{nil}
	for next := 0; next < len(all); next++ {
		for i := range n {
			if !slices.Contains(all[next], i) {
				all = append(all, append(slices.Clone(all[next]), i))
			}
		}
	}
	return all
}

// An answer, or OnGap, that calls runtime.Goexit ends the loop's goroutine. The next one goes on with what waits: all members
// are told, and are sent what is published.
func TestShard_GoesOnAfterGoexit(t *testing.T) {
	h, topics := newHost(4), &Topics{Logger: quiet}
	gaps := 0
	topics.OnGap = func(*conn.Conn, string, Position) { gaps++; runtime.Goexit() }
	for _, d := range h.all[:3] {
		_, _ = topics.Subscribe(connOf(&d.Conn), "a")
	}
	h.turn()
	before := h.bytes()
	publish := func(size int) {
		_, _ = topics.Publish("a", conn.Message{Type: conn.Binary, Payload: make([]byte, size)})
	}
	_ = topics.SubscribeSince(connOf(&h.all[3].Conn), "a", Position{}, func(Position, error) { runtime.Goexit() })
	publish(1)
	h.turnAndEnd()
	topics.lookup("a", false).reportGap(0)
	publish(10)
	h.turnAndEnd()
	publish(100)
	h.turnAndEnd()
	for i, got := range h.bytes() {
		expect(t, fmt.Sprint("bytes for member ", i), got-before[i], 3+12+102)
	}
	expect(t, "members that were told of the gap", gaps, 4)
	expect(t, "panics", topics.Stats().Panics, 1+4)
	h.close()
}

// turnAndEnd is turn on goroutines that may end before they are done.
func (h *host) turnAndEnd() {
	for len(h.asked)+len(h.due) > 0 {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			h.loop.Take()
			h.turn()
		}()
		<-ended
	}
	h.loop.Take()
}

// Gaps that follow each other and wait are reported as one, at the last one's position. What comes between keeps its place.
func TestShard_GapsThatWaitAreOne(t *testing.T) {
	h := new(Topics)
	var at []uint64
	h.OnGap = func(_ *conn.Conn, _ string, p Position) { at = append(at, p.Offset) }
	w, cl := newWorld(t, h, &server.Server{}, 2)
	w.subscribe(w.conns[0], "a")
	w.subscribe(w.conns[0], "b")
	w.sim.Settle()
	a, b := w.lookup("a", false), w.lookup("b", false)
	s := a.parts[0].shard
	report := func(of *topic, offset uint64) {
		if s.putGap(of.parts[0], gap{at: Position{Offset: offset}}) {
			s.ask()
		}
	}
	for offset := range uint64(1000) {
		report(a, offset)
		report(b, 2000+offset)
	}
	expect(t, "operations", len(s.ops), 2)
	w.publish("a", "1")
	report(a, 1000)
	w.subscribe(w.conns[1], "a")
	report(a, 1001)
	w.sim.Settle()
	expect(t, "gaps", fmt.Sprint(at), "[999 2999 1000 1001 1001]")
	w.expect(cl[0], "1")
}

// A gap that was reported keeps no members: they may leave, and be forgotten.
func TestShard_AReportedGapKeepsNoMembers(t *testing.T) {
	reported := 0
	h := &Topics{OnGap: func(*conn.Conn, string, Position) { reported++ }}
	w, _ := newWorld(t, h, &server.Server{}, 3)
	for _, c := range w.conns {
		w.subscribe(c, "a")
	}
	w.sim.Settle()
	of := w.lookup("a", false)
	of.mu.Lock()
	of.reportGap(0)
	of.mu.Unlock()
	w.sim.Settle()
	expect(t, "members that hear of it", reported, 3)
	for _, p := range of.parts {
		if p.gap != nil && p.gap.members != nil {
			t.Errorf("a gap that was reported refers to a list of %d members", cap(p.gap.members))
		}
	}
}
