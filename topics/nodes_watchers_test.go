package topics_test

import (
	"fmt"
	"slices"
	"strings"
)

// modelMembers are those who listen. They come and go.
type modelMembers struct {
	clients  []*modelClient
	watchers []*modelWatcher
}

// modelWatcher is a member of a pattern on a node, and maybe of the topic too. It has no position: it begins anew when it comes back.
type modelWatcher struct {
	*client
	on   *modelNode
	sure bool        // the broker has confirmed the pattern, and all that came before is read
	last map[int]int // what it has read last, by publisher
	from map[int]int // the same since it last heard of a gap
	gaps bool        // it has heard of a gap since finish began
	hole string      // what it has noticed to be missing since then
}

func (m *nodesModel) pattern() string {
	before, _, _ := strings.Cut(m.topic, ".")
	return before + ".*"
}

// watch has a watcher come or go, sometimes.
func (m *nodesModel) watch() {
	i := m.rnd.IntN(8 * len(m.watchers))
	if i >= len(m.watchers) {
		return
	}
	if w := m.watchers[i]; w.on != nil {
		m.unwatch(w)
		return
	}
	on, both := m.nodes[m.rnd.IntN(len(m.nodes))], m.rnd.IntN(3) == 0
	w := &modelWatcher{client: on.dial(), on: on, last: map[int]int{}, from: map[int]int{}}
	m.watchers[i] = w
	m.log("watcher %d on %d, of the topic too: %v", i, on.publisher, both)
	names := []string{m.pattern()}
	if both {
		names = append(names, m.topic)
	}
	for _, name := range names {
		if _, err := on.Subscribe(w.conn, name); err != nil {
			m.t.Errorf("history %d: %v", m.history, err)
		}
	}
}

// unwatch cuts a watcher off.
func (m *nodesModel) unwatch(w *modelWatcher) {
	if w.on == nil {
		return
	}
	m.log("watcher %d is cut", slices.Index(m.watchers, w))
	w.Reset()
	w.on.sim.Settle()
	m.forget() // the pattern's interest may end, and the topic's begin later
	*w = modelWatcher{}
}

// readWatcher has a watcher read what has arrived.
func (m *nodesModel) readWatcher(w *modelWatcher) {
	listens := w.on.Listens(m.pattern())
	w.on.sim.Settle()
	for msg, ok := w.Next(); ok; msg, ok = w.Next() {
		if msg.String() == "gap" {
			m.log("watcher %d reads of a gap", slices.Index(m.watchers, w))
			clear(w.from)
			w.gaps, w.hole = true, ""
			continue
		}
		var publisher, n int
		_, id, _ := strings.Cut(msg.String(), "#")
		if _, err := fmt.Sscanf(id, "%d:%d", &publisher, &n); err != nil {
			m.t.Fatalf("%q: %v", msg, err)
		}
		m.log("watcher %d reads %s", slices.Index(m.watchers, w), msg)
		m.outcome.Watched++
		if n <= w.last[publisher] {
			m.t.Errorf("history %d: watcher %d reads %s after %d", m.history, slices.Index(m.watchers, w), msg, w.last[publisher])
		}
		if from := w.from[publisher]; from > 0 && n > from+1 && !m.excused(w.on, publisher, from+1, n, true) {
			w.hole = fmt.Sprintf("watcher %d reads %s after %d", slices.Index(m.watchers, w), msg, from)
		}
		if w.last[publisher] = n; w.sure {
			w.from[publisher] = n
		}
	}
	w.sure = w.sure || listens
}

// isDone reports whether a watcher has read all that there is, or heard of a gap.
func (m *nodesModel) isDone(w *modelWatcher) bool {
	if w.on == nil || !w.sure || w.gaps {
		return true
	}
	for _, n := range m.nodes {
		if w.last[n.publisher] < m.published[n.publisher] {
			return false
		}
	}
	return true
}
