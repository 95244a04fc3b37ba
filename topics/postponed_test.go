package topics

import (
	"fmt"
	"testing"
	"time"
)

// filled is an outbox with messages of topics, in this order.
func filled(topics ...string) (*outbox, *link) {
	l := &link{wake: make(chan struct{}, 1)}
	l.outbox.most = 1 << 20
	for _, topic := range topics {
		l.outbox.add(l, kindMessage, topic, History{}, body(0), true)
	}
	return &l.outbox, l
}

// give gives a broker all that it may be given now. It refuses some topics. It returns what it took, in order.
func give(o *outbox, refused ...string) (taken []string) {
	for calls := 0; calls < 1000; calls++ {
		batch := o.peek()
		n, failed := 0, false
		for _, p := range batch {
			for _, topic := range refused {
				failed = failed || topic == p.Topic || topic == "all"
			}
			if failed {
				break
			}
			hd, _, _ := readHeader(p.Data)
			taken = append(taken, fmt.Sprint(p.Topic, hd.number.n))
			n++
		}
		if len(batch) == 0 {
			break
		}
		if _, more := o.remove(n, failed, false); !more {
			break
		}
	}
	return taken
}

// What the broker takes is not held up by a topic that it refuses, however much that one has. The topic keeps its order, with what is published
// to it meanwhile, and loses a message with the third refusal.
func TestPostponed_OthersGoOn(t *testing.T) {
	o, l := filled("a", "bad", "b", "bad", "a")
	for range 50 {
		o.add(l, kindMessage, "bad", History{}, body(0), true)
	}
	o.add(l, kindMessage, "b", History{}, body(0), true)
	expect(t, "taken", fmt.Sprint(give(o, "bad")), "[a1 b1 a2 b2]")
	for round := range uint64(2) {
		o.add(l, kindMessage, "bad", History{}, body(0), true)
		o.add(l, kindMessage, "a", History{}, body(0), true)
		expect(t, "lost", o.lost, 0)
		o.turnsCome()
		expect(t, "taken", fmt.Sprint(give(o, "bad")), fmt.Sprint([]string{fmt.Sprint("a", 3+round)}))
	}
	expect(t, "lost", o.lost, 1)
	o.turnsCome()
	var want []string
	for n := 2; n <= 54; n++ {
		want = append(want, fmt.Sprint("bad", n))
	}
	expect(t, "taken when it is refused no more", fmt.Sprint(give(o)), fmt.Sprint(want))
	expect(t, "it waits", o.waits(), false)
	expect(t, "topics that are postponed", len(o.postponed)+len(o.turns), 0)
	expect(t, "bytes", o.bytes, 0)
}

// Very many topics that are refused hold up others by a few pauses.
func TestPostponed_ManyTopics(t *testing.T) {
	var names []string
	for i := range 300 {
		names = append(names, fmt.Sprint("bad", i))
	}
	o, _ := filled(append(names, "a")...)
	rounds := 0
	for taken := []string(nil); len(taken) == 0; rounds++ {
		taken = give(o, names...)
	}
	if want := 1 + 2*len(names)/maxRefusals; rounds > want { // they and others take turns
		t.Errorf("%d rounds, want %d at most", rounds, want)
	}
}

// A broker that takes nothing for a while may not be ready: it has a message lost for every third pause at most, of however many topics.
func TestPostponed_ABrokerThatIsNotReady(t *testing.T) {
	for _, count := range []int{1, 10, 100} {
		t.Run(fmt.Sprint("topics=", count), func(t *testing.T) {
			var names []string
			for range 10 {
				for i := range count {
					names = append(names, fmt.Sprint("a", i))
				}
			}
			o, _ := filled(names...)
			const pauses = 12
			for range pauses {
				o.turnsCome()
				o.counted = time.Now().Add(-firstPause)
				give(o, "all")
				for _, r := range o.turns {
					r.due = time.Time{}
				}
			}
			if o.lost > pauses/3 {
				t.Errorf("%d messages are lost in %d pauses", o.lost, pauses)
			}
			o.turnsCome()
			lost, taken := int(o.lost), 0
			for range pauses { // others and those that were refused take turns
				taken += len(give(o))
			}
			expect(t, "taken when it is ready", taken, len(names)-lost)
		})
	}
}

// A topic that the broker refuses has half of the outbox at most, so that others have room.
func TestPostponed_LeavesRoomForOthers(t *testing.T) {
	o, l := filled("bad", "a")
	give(o, "bad")
	for i := 0; i < 1<<20; i++ {
		if _, ok := o.add(l, kindMessage, "bad", History{}, body(100), false); !ok {
			break
		}
	}
	if o.bytes < o.most/2 || o.bytes > o.most/2+1000 {
		t.Errorf("%d of %d bytes are of a topic that is refused", o.bytes, o.most)
	}
	if _, ok := o.add(l, kindMessage, "a", History{}, body(100), false); !ok {
		t.Error("a message of another topic has no room")
	}
	expect(t, "taken", fmt.Sprint(give(o, "bad")), "[a2]")
}

// What a topic published before a time has not left the outbox while it is postponed. Others do not wait for it, and it waits for nothing later.
func TestPostponed_IsNotSent(t *testing.T) {
	o, l := filled("a", "bad", "b")
	put, _ := o.marks()
	o.add(l, kindMessage, "bad", History{}, body(0), true)
	o.peek()
	o.remove(1, true, false)
	_, gone := o.marks()
	expect(t, "what was put first is gone", gone >= put, false)
	give(o, "bad")
	_, gone = o.marks()
	expect(t, "what was put first is gone", gone >= put, true)
	expect(t, "that of the topic that is refused is there", o.has("bad", put), true)
	if since, waits := o.waitsSince(); !waits || since.IsZero() {
		t.Error("nothing waits")
	}
	for range 2 {
		o.turnsCome()
		give(o, "bad")
		o.add(l, kindMessage, "a", History{}, body(0), true)
		give(o, "bad")
	}
	expect(t, "lost", o.lost, 1)
	expect(t, "it is there", o.has("bad", put), false)
	now, _ := o.marks()
	expect(t, "what came later is there", o.has("bad", now), true)
}

// When the broker takes again what it has refused, it is given very many topics together, in few calls.
func TestPostponed_ComesBackTogether(t *testing.T) {
	var names []string
	for i := range 300 {
		names = append(names, fmt.Sprint("a", i%100))
	}
	o, l := filled(names...)
	for o.counted = time.Now().Add(time.Hour); len(o.turns) < 100; { // so that none is lost
		give(o, "all")
	}
	o.turnsCome()
	o.add(l, kindMessage, "b", History{}, body(0), true)
	calls, taken := 0, map[string]uint64{}
	for batch := o.peek(); len(batch) > 0; batch = o.peek() {
		for _, p := range batch {
			hd, _, _ := readHeader(p.Data)
			if taken[p.Topic]++; taken[p.Topic] != hd.number.n {
				t.Errorf("message %d of %s is taken as the %d.", hd.number.n, p.Topic, taken[p.Topic])
			}
		}
		o.remove(len(batch), false, false)
		calls++
	}
	if calls > 3 {
		t.Errorf("%d calls", calls)
	}
	_, gone := o.marks()
	expect(t, "gone", gone, 301)
	expect(t, "topics", len(taken), 101)
	expect(t, "bytes", o.bytes, 0)
	expect(t, "it waits", o.waits(), false)
}
