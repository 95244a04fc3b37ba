package topics

import (
	"fmt"
	"testing"
	"time"
)

// Nodes are told of many topics again one after another, and not in one burst. What finds no room in the outbox is told with the next tick.
func TestCensuses_AreSpread(t *testing.T) {
	const count = 1000
	h := new(Topics)
	l := &link{hub: h, wake: make(chan struct{}, 1)}
	l.outbox.most = 96 << 10 // for about 300 censuses
	for i := range count {
		of := h.lock(fmt.Sprint("a.", i), false)
		of.across = &across{link: l, hearing: hearing{confirmed: true}}
		of.across.changed, of.members = true, 1
		l.census.add(of)
		of.mu.Unlock()
	}
	reported := map[string]int{}
	now := time.Now()
	tick := func() (n int) {
		l.tickCensus(now)
		now = now.Add(time.Second)
		expect(t, "a message has room", l.outbox.bytes < l.outbox.most*3/4, true)
		for batch := l.outbox.peek(); len(batch) > 0; batch = l.outbox.peek() {
			for _, p := range batch {
				reported[p.Topic]++
				n++
			}
			l.outbox.remove(len(batch), false, false)
		}
		return n
	}
	ticks := 0
	for ; len(reported) < count && ticks < 100; ticks++ {
		tick()
	}
	expect(t, "topics that are told of", len(reported), count)
	if ticks < 2 || ticks > 10 {
		t.Errorf("it takes %d ticks", ticks)
	}
	for range censusTurns {
		tick() // what was told late is told again in its turn
	}
	clear(reported)
	for range censusTurns {
		if n := tick(); n > 2*count/censusTurns {
			t.Errorf("%d topics in one tick", n)
		}
	}
	expect(t, "topics that are told of again", len(reported), count)
	for range 5 { // a worker that is late misses no turn
		now = now.Add(2 * time.Second)
		tick()
	}
	for range censusTurns { // and gets to what found no room
		tick()
	}
	for name, n := range reported {
		if n < 2 {
			t.Fatalf("%s is told of %d times", name, n)
		}
	}
}

// That a topic is gone is told also if there was no room at first.
func TestCensuses_TellOfTopicsThatAreGone(t *testing.T) {
	h := new(Topics)
	l := &link{hub: h, wake: make(chan struct{}, 1)}
	of := h.lock("a", false)
	of.across = &across{link: l}
	l.census.add(of)
	of.gone.Store(true)
	of.mu.Unlock()
	l.tickCensus(time.Now()) // the outbox has no room at all
	expect(t, "topics", len(l.census.all()), 1)
	l.outbox.most = 1 << 10
	l.tickCensus(time.Now())
	expect(t, "topics", len(l.census.all()), 0)
	expect(t, "censuses", len(l.outbox.peek()), 1)
}

// Topics that are gone wait for room no longer than other nodes remember them, and not at all while the broker is away. So they take no memory for ever.
func TestCensuses_ForgetTopicsThatAreGone(t *testing.T) {
	for _, away := range []bool{false, true} {
		t.Run(fmt.Sprint("away=", away), func(t *testing.T) {
			h := new(Topics)
			l := &link{hub: h, wake: make(chan struct{}, 1)} // the outbox has no room
			l.uplink.away = away
			now, most, began := time.Now(), 0, 0
			for second := range 100 {
				for i := range 3 {
					of := h.lock(fmt.Sprint("a.", second, ".", i), false)
					of.across = &across{link: l}
					l.census.add(of)
					of.gone.Store(true)
					of.mu.Unlock()
					began++
				}
				l.tickCensus(now.Add(time.Duration(second) * time.Second))
				most = max(most, len(l.census.topics))
			}
			if bound := 3 * int(1+censusLife/time.Second); away && most > 0 || most > bound {
				t.Errorf("%d of %d topics are kept, and %d at most are remembered", most, began, bound)
			}
		})
	}
}
