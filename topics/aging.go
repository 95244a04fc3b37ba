package topics

import (
	"container/heap"
	"math"
	"sync"
	"time"
)

const (
	// maxIdle is how many topics are kept that have no members and nothing published, so that whoever knows their positions can
	// come back. Beyond it those are forgotten that would be forgotten next.
	maxIdle = 1 << 16
	// ageless is the Age of a topic of which nothing is ever too old.
	ageless = time.Duration(math.MaxInt64)
	// looksOfCall and looksOfTimer are at how many topics a call looks that leaves one idle, and the timer.
	looksOfCall, looksOfTimer = 4, 1 << 10
	// leastPause is the least time between two looks of the timer.
	leastPause = 100 * time.Millisecond
)

// aging are the topics of which something will be too old: messages, or all of one that has no members. Each call that leaves a topic
// idle looks at a few that are due, and a timer at those that are left. The timer runs only while a topic with an Age is among them.
type aging struct {
	mu      sync.Mutex
	quiet   agenda         // guarded by mu: those in which nothing was published, when they were added
	others  agenda         // guarded by mu: the rest
	timer   *time.Timer    // guarded by mu; nil: there was nothing to do yet
	next    time.Time      // guarded by mu: when the timer looks; zero: it does not
	closed  bool           // guarded by mu
	looking sync.WaitGroup // the timer's goroutine
}

// agenda are topics, the one that is due first in front. It implements heap.Interface.
type agenda []*topic

// place is where a topic is in aging. Guarded by aging.mu.
type place struct {
	due   time.Time
	at    int // nowhere: in none
	quiet bool
}

func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, k int) bool { return a[i].place.due.Before(a[k].place.due) }
func (a agenda) Swap(i, k int) {
	a[i], a[k] = a[k], a[i]
	a[i].place.at, a[k].place.at = i, k
}

// Push implements heap.Interface.
func (a *agenda) Push(t any) {
	t.(*topic).place.at = len(*a)
	*a = append(*a, t.(*topic))
}

// Pop implements heap.Interface.
func (a *agenda) Pop() any {
	last := len(*a) - 1
	t := (*a)[last]
	(*a)[last] = nil
	*a = (*a)[:last]
	t.place.at = nowhere
	return t
}

// of is the agenda that a topic is in. mu is held.
func (a *aging) of(t *topic) *agenda {
	if t.place.quiet {
		return &a.quiet
	}
	return &a.others
}

// add has a topic be looked at. It is in no agenda.
func (a *aging) add(t *topic, due time.Time, quiet bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t.place = place{due: due, quiet: quiet}
	heap.Push(a.of(t), t)
	a.arm(t.hub)
}

// remove takes a topic out of its agenda.
func (a *aging) remove(t *topic) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if t.place.at >= 0 { // or it is looked at just now
		heap.Remove(a.of(t), t.place.at)
	}
}

// take takes a topic that is due out of its agenda, or a quiet one if there are too many of those. nil: there is none.
func (a *aging) take(now time.Time) (t *topic, was place) {
	a.mu.Lock()
	defer a.mu.Unlock()
	from := &a.quiet
	if len(a.quiet) <= maxIdle && !a.quiet.isDue(now) {
		if from = &a.others; !a.others.isDue(now) {
			return nil, was
		}
	}
	t = heap.Pop(from).(*topic)
	return t, t.place
}

func (a agenda) isDue(now time.Time) bool { return len(a) > 0 && !a[0].place.due.After(now) }

// arm sets the timer, if it would look too late. mu is held.
func (a *aging) arm(h *Topics) {
	var first time.Time
	for _, g := range [...]agenda{a.quiet, a.others} {
		if len(g) > 0 && g[0].keep.Age > 0 && (first.IsZero() || g[0].place.due.Before(first)) {
			first = g[0].place.due
		}
	}
	if a.closed || first.IsZero() || !a.next.IsZero() && !first.Before(a.next) {
		return
	}
	a.next = first
	pause := max(first.Sub(h.now()), leastPause)
	if a.timer == nil {
		a.timer = time.AfterFunc(pause, func() { a.lookByTimer(h) })
		return
	}
	a.timer.Reset(pause)
}

// lookByTimer looks at topics that are due, and sets the timer again.
func (a *aging) lookByTimer(h *Topics) {
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return
	}
	a.looking.Add(1)
	a.mu.Unlock()
	defer a.looking.Done()
	a.look(h, looksOfTimer)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.next = time.Time{}
	a.arm(h)
}

// close ends the timer, and waits until it is done.
func (a *aging) close() {
	a.mu.Lock()
	a.closed = true
	if a.timer != nil {
		a.timer.Stop()
	}
	a.mu.Unlock()
	a.looking.Wait()
}

// look looks at topics that are due: at so many. The caller holds no topic's mu.
func (a *aging) look(h *Topics, most int) {
	now := h.now()
	for range most {
		t, was := a.take(now)
		if t == nil {
			return
		}
		a.lookAt(t, was, now)
	}
}

// lookAt forgets messages of a topic that are too old, and all of the topic if nobody has used it for its Age, or if there are too
// many like it.
func (a *aging) lookAt(t *topic, was place, now time.Time) {
	if !t.mu.TryLock() { // it is used now, perhaps by a publisher that takes long
		due := t.keep.until(now) // behind other quiet ones, if there are too many
		if !was.due.After(now) && t.keep.Age > leastPause {
			due = now.Add(leastPause) // messages of it are too old
		}
		a.add(t, due, was.quiet)
		return
	}
	if t.gone.Load() {
		t.mu.Unlock()
		return
	}
	t.listed = false
	t.history.expire(&t.keep, now)
	due := dueOf(t)
	over := isIdle(t) && !due.After(now)
	if was.due.After(now) { // there are too many quiet ones
		over = isIdle(t) && t.offset == 0 && !due.After(was.due) // or it was used since
	}
	if over {
		t.end()
	} else {
		a.list(t)
	}
	t.mu.Unlock()
	if over {
		t.hub.forget(t)
	}
}

// isUsed reports whether somebody has a topic, or waits for it. Its mu is held.
func isUsed(t *topic) bool {
	return t.members > 0 || t.across != nil && len(t.across.waiters) > 0
}

// isIdle reports whether a topic is forgotten if nobody uses it. Its mu is held.
func isIdle(t *topic) bool { return !isUsed(t) && !stays(t) }

// stays reports whether a topic without members is kept for ever. Its mu is held.
func stays(t *topic) bool { return t.offset > 0 && t.keep.Age <= 0 }

// until is when something is too old that was used last at some time.
func (k *History) until(last time.Time) time.Time {
	if k.Age <= 0 {
		return last.Add(ageless)
	}
	return last.Add(k.Age).Add(1)
}

// dueOf is when all that there is of a topic is too old: its messages first, and then itself. Zero: never. Its mu is held.
func dueOf(t *topic) time.Time {
	switch r := &t.history; {
	case r.n > 0 && t.keep.Age > 0:
		return t.keep.until(r.at(r.n - 1).at)
	case isIdle(t):
		return t.keep.until(t.used)
	}
	return time.Time{}
}

// list has a topic be looked at when something of it is too old. It reports whether it was not to be looked at before. The topic's mu is
// held.
func (a *aging) list(t *topic) bool {
	if t.listed || t.gone.Load() {
		return false
	}
	due := dueOf(t)
	if due.IsZero() {
		return false
	}
	t.listed = true
	a.add(t, due, t.offset == 0)
	return true
}

// unlist has a topic not be looked at any more. Its mu is held.
func (a *aging) unlist(t *topic) {
	if t.listed {
		t.listed = false
		a.remove(t)
	}
}
