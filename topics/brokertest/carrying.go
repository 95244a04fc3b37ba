package brokertest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/framerail/framerail/topics"
)

func testDelivery(t *testing.T, broker func(*testing.T) topics.Broker) {
	a, b, c := start(t, broker(t)), start(t, broker(t)), start(t, broker(t))
	name, other := fresh("room"), fresh("other")
	b.interest([]string{name}, nil)
	c.interest([]string{name, other}, nil)
	bytes := "\x00\xff\r\n" + string(make([]byte, 100_000))
	a.publish(packet(name, "hello"), packet(other, "elsewhere"), packet(name, ""), packet(name, bytes))
	b.expect(name, "hello", "", bytes)
	c.expect(name, "hello", "", bytes)
	c.expect(other, "elsewhere")
	b.mu.Lock()
	defer b.mu.Unlock()
	if got := b.of(other); len(got) > 0 {
		t.Errorf("a node without interest received %q", got)
	}
}

// Order is that of the publisher, over batches.
func testOrder(t *testing.T, broker func(*testing.T) topics.Broker) {
	a, b := start(t, broker(t)), start(t, broker(t))
	name := fresh("room")
	b.interest([]string{name}, nil)
	var want []string
	for batch := range 20 {
		var ms []topics.Packet
		for i := range 1 + 10*batch {
			want = append(want, fmt.Sprint(batch, ":", i))
			ms = append(ms, packet(name, want[len(want)-1]))
		}
		a.publish(ms...)
	}
	b.expect(name, want...)
}

// What is published behind the return of Interest arrives.
func testInterest(t *testing.T, broker func(*testing.T) topics.Broker) {
	a, b := start(t, broker(t)), start(t, broker(t))
	for range 50 {
		name := fresh("room")
		b.interest([]string{name}, nil)
		a.publish(packet(name, "at once"))
		b.expect(name, "at once")
		b.interest([]string{name}, nil) // again
	}
}

func testInterestEnds(t *testing.T, broker func(*testing.T) topics.Broker) {
	a, b := start(t, broker(t)), start(t, broker(t))
	name, other := fresh("room"), fresh("other")
	b.interest([]string{name, other}, nil)
	a.publish(packet(name, "1"))
	b.expect(name, "1")
	b.interest(nil, []string{name, fresh("never on"), fresh("never") + ".*"})
	a.publish(packet(name, "2"), packet(other, "mark"))
	b.expect(other, "mark")
	b.interest([]string{name}, nil)
	a.publish(packet(name, "3"))
	b.expect(name, "1", "3")
}

func testPatterns(t *testing.T, broker func(*testing.T) topics.Broker) {
	a, b := start(t, broker(t)), start(t, broker(t))
	base := fresh("p")
	if err := b.Interest(b.ctx, []string{base + ".*.chat", base + ".mark", base + ".deep.>"}, nil); errors.Is(err, errors.ErrUnsupported) {
		a.publish(packet(base+".mark", "mark")) // it does without patterns, and has done the rest
		b.expect(base+".mark", "mark")
		b.interest(nil, []string{base + ".*.chat"})
		return
	} else if err != nil {
		t.Fatalf("interest: %v", err)
	}
	names := []string{".7.chat", ".7.chat.x", ".7.news", ".deep", ".deep.a", ".deep.a.b", ".[7].chat", ".?.chat"}
	for _, name := range names {
		a.publish(packet(base+name, name))
	}
	for _, name := range []string{".7.chat", ".deep.a", ".deep.a.b", ".[7].chat", ".?.chat"} {
		b.expect(base+name, name)
	}
	b.interest([]string{base + ".mark"}, []string{base + ".*.chat"})
	a.publish(packet(base+".8.chat", "no"), packet(base+".mark", "mark"))
	b.expect(base+".mark", "mark")
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, name := range []string{".7.chat.x", ".7.news", ".deep", ".8.chat"} {
		if got := b.of(base + name); len(got) > 0 {
			t.Errorf("%s matches none of the patterns, and %q arrived", name, got)
		}
	}
}

func testManyTopics(t *testing.T, broker func(*testing.T) topics.Broker) {
	a, b := start(t, broker(t)), start(t, broker(t))
	base := fresh("many.")
	all := make([]string, 100_000)
	for i := range all {
		all[i] = fmt.Sprint(base, i)
	}
	b.interest(all, nil)
	for i := 0; i < len(all); i += 9_999 {
		a.publish(packet(all[i], "x"))
		b.expect(all[i], "x")
	}
	b.interest(nil, all[:len(all)-1])
	last := all[len(all)-1]
	a.publish(packet(all[0], "y"), packet(last, "y"))
	b.await("what is on still", func() bool { return b.of(last) != nil && b.of(last)[len(b.of(last))-1] == "y" })
	b.expect(all[0], "x")
}

func testEnd(t *testing.T, broker func(*testing.T) topics.Broker) {
	a := start(t, broker(t))
	a.interest([]string{fresh("room")}, nil)
	a.end()
	if err := a.stopped(); err == nil {
		t.Error("Run returns nil")
	}
}

// A connection that is lost ends Run. Run again connects again, and nothing is on then.
func testCut(t *testing.T, broker func(*testing.T) topics.Broker) {
	a, b := start(t, broker(t)), start(t, broker(t))
	cutter, ok := b.Broker.(Cutter)
	if !ok {
		t.Skip("it is no Cutter")
	}
	name, other := fresh("room"), fresh("other")
	b.interest([]string{name}, nil)
	for i := range 3 {
		cutter.Cut()
		if err := b.stopped(); err == nil {
			t.Error("Run returns nil")
		}
		b.run()
		b.interest([]string{other}, nil)
		a.publish(packet(name, "no"), packet(other, fmt.Sprint(i)))
		b.await("a message", func() bool { return len(b.of(other)) == i+1 })
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if got := b.of(name); len(got) > 0 {
		t.Errorf("interest outlives the connection: received %q", got)
	}
}
