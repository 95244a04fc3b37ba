package topics

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"
)

// noTurn has no turn come by itself, until the test ends.
func noTurn(t *testing.T) { PauseFor(t, time.Hour) }

// passes has time pass for what is in the outbox. Turns come with it.
func (o *outbox) passes(d time.Duration) {
	past := func(q *packets) {
		if !q.refused.IsZero() {
			q.refused = q.refused.Add(-d)
		}
		for i := range q.all() {
			q.all()[i].since = q.all()[i].since.Add(-d)
		}
	}
	o.given = o.given.Add(-d)
	past(&o.packets)
	for _, r := range o.turns {
		past(&r.packets)
		r.due = r.due.Add(-d)
	}
}

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
// to it meanwhile. It loses what is refused after thirty pauses, one message with each refusal.
func TestPostponed_OthersGoOn(t *testing.T) {
	noTurn(t)
	o, l := filled("a", "bad", "b", "bad", "a")
	for range 50 {
		o.add(l, kindMessage, "bad", History{}, body(0), true)
	}
	o.add(l, kindMessage, "b", History{}, body(0), true)
	expect(t, "taken", fmt.Sprint(give(o, "bad")), "[a1 b1 a2 b2]")
	for round := range refusedPauses {
		o.add(l, kindMessage, "bad", History{}, body(0), true)
		o.add(l, kindMessage, "a", History{}, body(0), true)
		expect(t, "lost", o.lost, 0)
		o.passes(firstPause)
		expect(t, "taken", fmt.Sprint(give(o, "bad")), fmt.Sprint([]string{fmt.Sprint("a", 3+round)}))
	}
	expect(t, "lost", o.lost, 1)
	o.turnsCome()
	give(o, "bad")
	expect(t, "lost", o.lost, 2)
	o.turnsCome()
	var want []string
	for n := 3; n <= 52+refusedPauses; n++ {
		want = append(want, fmt.Sprint("bad", n))
	}
	expect(t, "taken when it is refused no more", fmt.Sprint(give(o)), fmt.Sprint(want))
	expect(t, "it waits", o.waits(), false)
	expect(t, "topics that are postponed", len(o.postponed)+len(o.turns), 0)
	expect(t, "bytes", o.bytes, 0)
}

// A topic that is refused for ever loses what it publishes, and no other loses a thing.
func TestPostponed_OnlyWhatIsRefusedIsLost(t *testing.T) {
	noTurn(t)
	o, l := filled("bad", "a", "b")
	bad, others := 1, give(o, "bad")
	for round := range 10 * refusedPauses {
		if o.passes(firstPause); round%10 == 0 {
			for _, topic := range []string{"a", "bad", "b"} {
				o.add(l, kindMessage, topic, History{}, body(0), true)
			}
			bad++
		}
		others = append(others, give(o, "bad")...)
	}
	expect(t, "messages of others that are taken", len(others), 2+2*10*refusedPauses/10)
	for range refusedPauses {
		o.passes(firstPause)
		give(o, "bad")
	}
	expect(t, "lost", o.lost, uint64(bad))
	expect(t, "it waits", o.waits(), false)
}

// However long a topic has been refused, a message of it is given again for thirty pauses since it was published.
func TestPostponed_YoungerOnesWait(t *testing.T) {
	noTurn(t)
	o, l := filled("bad")
	give(o, "bad")
	o.passes(refusedPauses * firstPause)
	o.add(l, kindMessage, "bad", History{}, body(0), true)
	for range 3 {
		give(o, "bad")
		expect(t, "lost", o.lost, 1)
		o.turnsCome()
	}
	expect(t, "taken", fmt.Sprint(give(o)), "[bad2]")
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

// A broker that refuses some topics, or all, has none of their messages lost if that takes less than thirty pauses: also if it takes some of them
// meanwhile, and if all have waited for long before.
func TestPostponed_ABrokerThatIsNotReady(t *testing.T) {
	noTurn(t)
	for _, count := range []int{1, 10, 100} {
		for name, refuses := range map[string]func(i int) bool{
			"all":  func(int) bool { return true },
			"some": func(i int) bool { return i%3 > 0 },
		} {
			t.Run(fmt.Sprint("topics=", count, "/", name), func(t *testing.T) {
				var names, refused []string
				for range 15 {
					for i := range count {
						names = append(names, fmt.Sprint("a", i))
					}
				}
				for i := range count {
					if refuses(i) {
						refused = append(refused, fmt.Sprint("a", i))
					}
				}
				o, _ := filled(names...)
				o.passes(time.Hour * absentPauses)
				taken := 0
				for range refusedPauses - 1 {
					taken += len(give(o, refused...))
					o.passes(firstPause)
				}
				expect(t, "lost", o.lost, 0)
				for range 5 { // others and those that were refused take turns
					o.turnsCome()
					taken += len(give(o))
				}
				expect(t, "taken when it is ready", taken, len(names))
			})
		}
	}
}

// What comes back is where it was among what waits. If it is very much, some comes later.
func TestPostponed_ComesBackInOrder(t *testing.T) {
	noTurn(t)
	var names []string
	for i := range 2 * maxBack {
		names = append(names, fmt.Sprint("bad", i%10), "a")
	}
	o, l := filled()
	o.most = 1 << 30
	for _, topic := range names {
		o.add(l, kindMessage, topic, History{}, body(0), true)
	}
	o.forget(1) // as if it was given
	for range 5 {
		o.drop(&o.packets, 1) // an a
		o.wait(o.postpone(&o.packets))
	}
	o.turnsCome()
	for range 5 {
		o.comeBack(&o.packets, time.Now())
		if !slices.IsSortedFunc(o.all(), func(a, b waiting) int { return cmp.Compare(a.at, b.at) }) {
			t.Error("it is out of order")
		}
	}
	expect(t, "topics that are postponed", len(o.postponed)+len(o.turns), 0)
	expect(t, "packets", len(o.all()), len(names)-6)
}

// While the broker takes no interest either, no topic is postponed, and a message is lost after a hundred pauses.
func TestPostponed_ABrokerThatIsAbsent(t *testing.T) {
	noTurn(t)
	o, _ := filled("a", "b", "a")
	for range absentPauses {
		o.peek()
		o.remove(0, true, true)
		o.passes(firstPause)
	}
	expect(t, "lost", o.lost, 0)
	o.passes(firstPause)
	o.peek()
	o.remove(0, true, true)
	expect(t, "lost", o.lost, 1)
	expect(t, "taken when it is there", fmt.Sprint(give(o)), "[b1 a2]")
}

// With a new connection the broker has its time once more, and all is given at once.
func TestPostponed_ANewConnectionBeginsAnew(t *testing.T) {
	noTurn(t)
	o, _ := filled("a", "b", "a")
	give(o, "a")
	o.passes(refusedPauses * firstPause)
	o.renew()
	expect(t, "taken", len(give(o, "a")), 0)
	expect(t, "lost", o.lost, 0)
	o.renew()
	expect(t, "taken", fmt.Sprint(give(o)), "[a1 a2]")
}

// What the broker was given right before a long outage has its time once more.
func TestPostponed_AnOutageIsNoRefusal(t *testing.T) {
	noTurn(t)
	for _, absent := range []bool{false, true} {
		firstPause = time.Second / 10
		o, _ := filled("a", "b")
		o.peek()
		o.remove(0, true, true)
		o.passes(2 * time.Minute)
		for i := range o.all() {
			o.all()[i].tried = o.all()[i].tried.Add(-2 * time.Minute)
		}
		o.renew()
		o.peek()
		o.remove(0, true, absent)
		expect(t, fmt.Sprint("lost, absent=", absent), o.lost, 0)
	}
}

// A message that ends each connection on which it is given is lost in the end, and no other with it, although it was given with that one.
func TestPostponed_WhatEndsEachConnectionIsLost(t *testing.T) {
	noTurn(t)
	firstPause = time.Second / 10
	o, _ := filled("a", "b")
	ends := func(after time.Duration) {
		o.passes(after)
		for i := range o.all() {
			if w := &o.all()[i]; !w.tried.IsZero() {
				w.tried = w.tried.Add(-after)
			}
		}
		o.renew()
		o.peek()
		o.remove(0, true, true)
	}
	for range 1 + triedPauses/breakPauses {
		ends(10 * time.Second)
	}
	expect(t, "lost", o.lost, 0)
	ends(10 * time.Second)
	expect(t, "lost", o.lost, 1)
	ends(10 * time.Second)
	expect(t, "lost", o.lost, 1)
	o.renew()
	expect(t, "taken", fmt.Sprint(give(o)), "[b1]")
}

// While calls fail, the broker is given fewer packets at once: what it takes behind one that it refuses it is given again.
func TestPostponed_FewerAtOnceWhileCallsFail(t *testing.T) {
	var names []string
	for i := range 2 * maxBatchPackets {
		names = append(names, fmt.Sprint("a", i))
	}
	o, _ := filled(names...)
	given := 0
	for range 100 {
		given += len(o.peek())
		o.remove(0, true, false)
	}
	if most := 2*maxBatchPackets + 100; given > most {
		t.Errorf("%d packets are given, want %d at most", given, most)
	}
	o.turn = nil
	o.remove(len(o.peek()), false, false)
	expect(t, "packets at once when a call has not failed", o.mostPackets(), maxBatchPackets)
}

// What a topic published before a time has not left the outbox while it is postponed. Others do not wait for it, and it waits for nothing later.
func TestPostponed_IsNotSent(t *testing.T) {
	noTurn(t)
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
	if since, waits := o.waitsSince("bad"); !waits || since.IsZero() {
		t.Error("nothing waits")
	}
	if _, waits := o.waitsSince("a"); waits {
		t.Error("another topic waits")
	}
	o.passes((refusedPauses + 1) * firstPause)
	o.add(l, kindMessage, "a", History{}, body(0), true)
	give(o, "bad")
	expect(t, "lost", o.lost, 1)
	expect(t, "it is there", o.has("bad", put), false)
	o.renew()
	now, _ := o.marks()
	expect(t, "what came later is there", o.has("bad", now), true)
	expect(t, "what was put first is there", o.has("bad", put), false)
}

// A topic with many messages, which is refused for long, is not waited for until all of them are lost. It has its time with each connection.
func TestPostponed_IsNotWaitedForTooLong(t *testing.T) {
	noTurn(t)
	names := slices.Repeat([]string{"bad"}, 100)
	o, _ := filled(names...)
	put, _ := o.marks()
	give(o, "bad")
	o.passes((refusedPauses - 1) * firstPause)
	give(o, "bad")
	expect(t, "it is waited for", o.has("bad", put), true)
	o.passes(2 * firstPause)
	give(o, "bad")
	expect(t, "lost", o.lost, 1)
	expect(t, "it is waited for", o.has("bad", put), false)
	o.renew()
	expect(t, "it is waited for on a new connection", o.has("bad", put), true)
}

// When the broker takes again what it has refused, it is given very many topics together, in few calls.
func TestPostponed_ComesBackTogether(t *testing.T) {
	noTurn(t)
	var names []string
	for i := range 300 {
		names = append(names, fmt.Sprint("a", i%100))
	}
	o, l := filled(names...)
	for len(o.turns) < 100 {
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
