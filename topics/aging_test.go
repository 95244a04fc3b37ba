package topics

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/server"
)

// byName keeps messages, for a minute if the name begins with "aged".
func byName(name string) History {
	if strings.HasPrefix(name, "aged") {
		return History{Messages: 100, Age: time.Minute}
	}
	return History{Messages: 100}
}

// testClock is a time that a test sets.
type testClock struct {
	mu  sync.Mutex
	now time.Time // guarded by mu
}

func newClock() *testClock { return &testClock{now: time.Unix(1e9, 0)} }

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// idles makes a topic that is idle then, and has nothing published.
func (w *world) idles(topic string) {
	w.subscribe(w.conns[0], topic)
	expect(w.t, "unsubscribe", w.Unsubscribe(w.conns[0], topic), nil)
	w.sim.Settle()
}

// A topic that stays, or is used again, keeps no other from being forgotten.
func TestAging_TopicsThatAreNotDueHoldUpNoOther(t *testing.T) {
	for name, first := range map[string]func(w *world, clock *testClock){
		"one without an Age":       func(w *world, _ *testClock) { w.idles("quiet") },
		"one that is published to": func(w *world, _ *testClock) { w.publish("aged.busy", "x") },
		"one that has members": func(w *world, _ *testClock) {
			w.publish("aged.busy", "x")
			w.subscribe(w.conns[0], "aged.busy")
		},
	} {
		t.Run(name, func(t *testing.T) {
			clock := newClock()
			w, _ := newWorld(t, &Topics{History: byName, Now: clock.Now}, &server.Server{}, 1)
			first(w, clock)
			for i := range 20 {
				w.publish(fmt.Sprint("aged.", i), "x")
			}
			for range 3 {
				clock.advance(30 * time.Second)
				if name == "one that is published to" {
					w.publish("aged.busy", "x")
				}
			}
			for i := range 10 {
				w.idles(fmt.Sprint("other.", i)) // which looks at a few
			}
			for i := range 20 {
				if w.lookup(fmt.Sprint("aged.", i), false) != nil {
					t.Errorf("topic %d is not forgotten", i)
				}
			}
			if strings.Contains(name, "published") && w.lookup("aged.busy", false) == nil {
				t.Error("a topic that is used is forgotten")
			}
		})
	}
}

// What is too old is forgotten also if nobody calls: topics, and messages of those that have members.
func TestAging_NeedsNoCall(t *testing.T) {
	h := &Topics{History: func(string) History { return History{Messages: 100, Age: 10 * time.Millisecond} }}
	w, _ := newWorld(t, h, &server.Server{}, 1)
	for i := range 3000 {
		w.publish(fmt.Sprint("topic.", i), "x")
		w.publish("member", "x")
	}
	at := w.subscribe(w.conns[0], "member")
	w.publish("member", "y")
	w.idles("quiet")
	of := w.lookup("member", false)
	eventually(t, "old topics and messages are forgotten", func() bool {
		of.mu.Lock()
		defer of.mu.Unlock()
		return h.Stats().Topics == 1 && of.history.n == 0
	})
	expect(t, "members", w.Count("member"), 1)
	w.since(w.conns[0], "member", at, ErrGap)
	w.sim.Settle()
	expect(t, "unsubscribe", w.Unsubscribe(w.conns[0], "member"), nil)
	eventually(t, "the last topic is forgotten", func() bool { return h.Stats().Topics == 0 })
	eventually(t, "the timer ends", func() bool {
		h.aging.mu.Lock()
		defer h.aging.mu.Unlock()
		return len(h.aging.quiet)+len(h.aging.others) == 0 && h.aging.next.IsZero()
	})
}

// Close ends the timer. Calls look at old topics still.
func TestAging_EndsWithClose(t *testing.T) {
	clock := newClock()
	h := &Topics{History: byName, Now: clock.Now}
	w, _ := newWorld(t, h, &server.Server{}, 1)
	w.publish("aged.1", "x")
	h.Close()
	w.publish("aged.2", "x")
	if h.aging.timer.Stop() {
		t.Error("the timer runs")
	}
	h.aging.lookByTimer(h) // it was on its way
	clock.advance(2 * time.Minute)
	h.aging.lookByTimer(h)
	expect(t, "topics", h.Stats().Topics, 2)
	w.idles("quiet")
	expect(t, "topics", h.Stats().Topics, 1)
	h.Close()
}

// Topics in which nothing was published are bounded in number. Those that would be forgotten next go first; those that are used stay.
func TestAging_QuietTopicsAreBounded(t *testing.T) {
	clock := newClock()
	h := &Topics{History: byName, Now: clock.Now}
	t.Cleanup(h.Close)
	begin := func(name string) {
		of := h.lock(name, false)
		u := of.rest()
		of.mu.Unlock()
		h.retire(of, u)
		clock.advance(time.Microsecond)
	}
	begin("first")
	begin("used again")
	_, _ = h.Publish("published", text("x"))
	for i := range maxIdle - 2 {
		begin(fmt.Sprint("topic.", i))
	}
	expect(t, "topics", h.Stats().Topics, maxIdle+1)
	begin("used again")
	begin("one more")
	begin("and another")
	expect(t, "topics", h.Stats().Topics, maxIdle+1)
	for name, stays := range map[string]bool{"first": false, "topic.0": false, "topic.1": true, "used again": true, "published": true, "one more": true} {
		expect(t, name+" is there", h.lookup(name, false) != nil, stays)
	}
}

// A topic that is locked when it is due is looked at again soon, and not an Age later.
func TestAging_WhatIsLockedIsLookedAtAgainSoon(t *testing.T) {
	clock := newClock()
	h := &Topics{History: byName, Now: clock.Now}
	t.Cleanup(h.Close)
	_, err := h.Publish("aged.1", text("x"))
	expect(t, "publish", err, nil)
	clock.advance(time.Minute + 1)
	of := h.lockIf("aged.1")
	h.aging.look(h, looksOfCall)
	of.mu.Unlock()
	expect(t, "it is gone", of.gone.Load(), false)
	clock.advance(leastPause)
	h.aging.look(h, looksOfCall)
	expect(t, "it is gone", of.gone.Load(), true)
}

// A quiet topic that is locked keeps no other from being forgotten, if there are too many.
func TestAging_WhatIsLockedHoldsUpNoOther(t *testing.T) {
	for _, age := range []time.Duration{0, time.Hour} {
		h := &Topics{History: keep(History{Messages: 1, Age: age})}
		t.Cleanup(h.Close)
		begin := func(name string) {
			of := h.lock(name, false)
			u := of.rest()
			of.mu.Unlock()
			h.retire(of, u)
		}
		begin("first")
		of := h.lockIf("first")
		for i := range maxIdle + 9 {
			begin(fmt.Sprint("topic.", i))
		}
		of.mu.Unlock()
		expect(t, "topics", h.Stats().Topics, maxIdle)
	}
}

// slowBroker confirms interest when the test says so.
type slowBroker struct {
	idleBroker
	confirms chan struct{}
}

func (b slowBroker) Interest(ctx context.Context, _, _ []string) error {
	select {
	case <-b.confirms:
	case <-ctx.Done():
	}
	return ctx.Err()
}

// A topic that a call of SubscribeSince waits for is not too old.
func TestAging_CallsThatWaitKeepATopic(t *testing.T) {
	clock := newClock()
	broker := slowBroker{idleBroker{make(chan Node, 1)}, make(chan struct{})}
	h := &Topics{History: byName, Now: clock.Now, Broker: broker, Logger: quiet}
	w, _ := newWorld(t, h, &server.Server{}, 1)
	defer h.Close()
	w.publish("aged.1", "x")
	clock.advance(2 * time.Minute)
	w.since(w.conns[0], "aged.1", Position{}, nil)
	for i := range 10 {
		w.publish(fmt.Sprint("aged.more.", i), "x")
	}
	h.aging.lookByTimer(h)
	expect(t, "answers that are due", w.asked, 1)
	close(broker.confirms)
	eventually(t, "an answer", func() bool { w.sim.Settle(); return w.asked == 0 })
	expect(t, "members", w.Count("aged.1"), 1)
}

// A recorded topic whose last callers have just been taken to be answered may be too old then. What it has still is given away as
// when its last member leaves: what waits for a position goes to the broker.
func TestAging_WhatIsTooOldIsGivenAway(t *testing.T) {
	h := &Topics{History: byName}
	l := &link{hub: h}
	l.outbox.most, l.returns.most = 1<<20, 1<<20
	of := h.lock("aged.1", false)
	of.across = &across{link: l, recorded: true}
	expect(t, "publish", l.publish(of, text("x"), nil), nil)
	expect(t, "something waits for the broker", l.outbox.waits(), false)
	h.aging.list(of)
	of.mu.Unlock()
	_, was := h.aging.take(h.now().Add(time.Hour))
	h.aging.lookAt(of, was, h.now().Add(time.Hour))
	expect(t, "it is gone", of.gone.Load(), true)
	expect(t, "something waits for the broker", l.outbox.waits(), true)
	expect(t, "bytes that the Recorder has not sent back", l.returns.used.Load(), 0)
	h.aging.close()
}

// A recorded topic that is forgotten with its last member is not looked at any more.
func TestAging_WhatIsGoneIsNotLookedAt(t *testing.T) {
	h := &Topics{History: byName}
	pub, err := newPublication(text("x"))
	expect(t, "error", err, nil)
	of := h.lock("aged.1", false)
	of.members = 1
	of.append(pub)
	pub.release()
	of.across = &across{link: &link{hub: h}, recorded: true}
	of.mu.Unlock()
	expect(t, "topics to look at", len(h.aging.others), 1)
	of.mu.Lock()
	of.members = 0
	expect(t, "it is over", of.rest(), over)
	of.mu.Unlock()
	expect(t, "topics to look at", len(h.aging.others), 0)
	h.aging.close()
}
