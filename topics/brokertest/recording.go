package brokertest

import (
	"fmt"
	"sync"
	"testing"

	"github.com/framerail/framerail/topics"
)

// recorder is the Recorder of a node. The test ends if there is none.
func (n *node) recorder() topics.Recorder {
	r, ok := n.Broker.(topics.Recorder)
	if !ok {
		n.t.Skip("it is no Recorder")
	}
	return r
}

// kept is a packet to be recorded.
func kept(topic, data string, keep topics.History) topics.Packet {
	return topics.Packet{Topic: topic, Data: []byte(data), Keep: keep}
}

// plenty is more bytes than a test has.
const plenty = 1 << 24

// since asks the Recorder, and checks the error and the Data.
func (n *node) since(topic string, keep topics.History, since topics.Position, want error, data ...string) topics.Position {
	n.t.Helper()
	missed, at, err := n.recorder().Since(n.ctx, topic, keep, since, plenty)
	if err != want {
		n.t.Fatalf("since %v, at %v: %v, want %v", since, at, err, want)
	}
	var got []string
	for i, p := range missed {
		got = append(got, string(p.Data))
		if p.Topic != topic || p.At.Epoch != at.Epoch || p.At.Offset > at.Offset || i > 0 && p.At.Offset <= missed[i-1].At.Offset {
			n.t.Errorf("message %d of %q is at %v, all are at %v", i, p.Topic, p.At, at)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(data) {
		n.t.Errorf("since %v: %.200q, want %.200q", since, got, data)
	}
	if at.Epoch == 0 {
		n.t.Error("a position without an epoch")
	}
	return at
}

// numbered is n messages.
func numbered(topic string, n int, keep topics.History) (ms []topics.Packet, data []string) {
	for i := range n {
		data = append(data, fmt.Sprint(i))
		ms = append(ms, kept(topic, data[i], keep))
	}
	return ms, data
}

// What is recorded arrives with its position, also at its publisher.
func testPositions(t *testing.T, broker func(*testing.T) topics.Broker) {
	a, b := start(t, broker(t)), start(t, broker(t))
	a.recorder()
	name, keep := fresh("room"), topics.History{Messages: 100}
	a.interest([]string{name}, nil)
	b.interest([]string{name}, nil)
	begin := a.since(name, keep, topics.Position{}, nil)
	ms, data := numbered(name, 50, keep)
	a.publish(ms...)
	b.publish(kept(name, "of another", keep))
	data = append(data, "of another")
	at := b.since(name, keep, begin, nil, data...)
	for _, n := range []*node{a, b} {
		n.expect(name, data...)
		last := begin
		n.mu.Lock()
		for _, p := range n.received {
			if p.At.Epoch != begin.Epoch || p.At.Offset <= last.Offset {
				t.Errorf("%q is at %v, behind %v", p.Data, p.At, last)
			}
			if p.Prev != 0 && p.Prev != last.Offset {
				t.Errorf("%q is behind %d, not %v", p.Data, p.Prev, last)
			}
			last = p.At
		}
		n.mu.Unlock()
		if last != at {
			t.Errorf("the last message is at %v, the topic at %v", last, at)
		}
	}
}

func testSince(t *testing.T, broker func(*testing.T) topics.Broker) {
	a, b := start(t, broker(t)), start(t, broker(t))
	a.recorder()
	name, keep := fresh("room"), topics.History{Messages: 100}
	begin := a.since(name, keep, topics.Position{}, nil)
	if at := b.since(name, keep, topics.Position{}, nil); at != begin {
		t.Errorf("a quiet topic is at %v and %v", begin, at)
	}
	b.since(name, keep, begin, nil)
	ms, data := numbered(name, 10, keep)
	a.publish(ms...)
	at := b.since(name, keep, begin, nil, data...)
	missed, _, err := b.recorder().Since(b.ctx, name, keep, begin, plenty)
	if err != nil || len(missed) != len(data) {
		t.Fatal(len(missed), err)
	}
	for i, p := range missed {
		a.since(name, keep, p.At, nil, data[i+1:]...)
	}
	a.since(name, keep, at, nil)
	a.publish(kept(fresh("room"), "elsewhere", keep)) // which may move all topics, and each answer says how far
	if all := b.since(name, keep, begin, nil, data...); all != b.since(name, keep, at, nil) {
		t.Errorf("with all messages the topic is at %v, and without any at %v", all, b.since(name, keep, at, nil))
	}
	at = a.since(name, keep, at, nil)
	a.since(name, keep, at, nil)
	if now := a.since(name, keep, topics.Position{}, nil); now != at {
		t.Errorf("at %v and %v", now, at)
	}
	for _, wrong := range []topics.Position{{Epoch: at.Epoch, Offset: at.Offset + 1}, {Epoch: at.Epoch + 1, Offset: begin.Offset}} {
		if now := a.since(name, keep, wrong, topics.ErrGap); now != at {
			t.Errorf("with ErrGap, the position is %v, want %v", now, at)
		}
	}
	if _, now, err := a.recorder().Since(a.ctx, name, keep, begin, 5); err != topics.ErrTooMuch || now != at {
		t.Errorf("at %v: %v, want %v", now, err, topics.ErrTooMuch)
	}
}

// A recorder may keep more than it has to. It never gives a part.
func testSinceTrimmed(t *testing.T, broker func(*testing.T) topics.Broker) {
	a := start(t, broker(t))
	r := a.recorder()
	name, keep := fresh("room"), topics.History{Messages: 3}
	begin := a.since(name, keep, topics.Position{}, nil)
	ms, _ := numbered(name, 2000, keep)
	a.publish(ms...)
	missed, at, err := r.Since(a.ctx, name, keep, begin, plenty)
	if err != topics.ErrGap && (err != nil || len(missed) != len(ms)) {
		t.Errorf("%d of %d messages: %v", len(missed), len(ms), err)
	}
	if at.Offset <= begin.Offset {
		t.Errorf("at %v, behind %v", at, begin)
	}
	a.publish(kept(name, "x", keep), kept(name, "y", keep), kept(name, "z", keep))
	a.since(name, keep, at, nil, "x", "y", "z")
}

func testLast(t *testing.T, broker func(*testing.T) topics.Broker) {
	a := start(t, broker(t))
	a.recorder()
	name, keep := fresh("price"), topics.History{Last: true}
	a.since(name, keep, topics.Position{}, nil)
	a.publish(kept(name, "1", keep), kept(name, "2", keep))
	a.since(name, keep, topics.Position{}, nil, "2")
	keep.Messages = 10
	a.publish(kept(name, "3", keep))
	a.since(name, keep, topics.Position{}, nil, "3")
}

// What is not to be recorded has no position, and is not kept.
func testNotRecorded(t *testing.T, broker func(*testing.T) topics.Broker) {
	a, b := start(t, broker(t)), start(t, broker(t))
	a.recorder()
	name, keep := fresh("room"), topics.History{Messages: 10}
	b.interest([]string{name}, nil)
	begin := a.since(name, keep, topics.Position{}, nil)
	a.publish(packet(name, "not kept"), kept(name, "kept", keep))
	b.await("both", func() bool { return len(b.of(name)) == 2 })
	a.since(name, keep, begin, nil, "kept")
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.received {
		if recorded := p.At != (topics.Position{}); recorded != (string(p.Data) == "kept") {
			t.Errorf("%q is at %v", p.Data, p.At)
		}
	}
}

// Since may run on several goroutines, while others are published to.
func testSinceConcurrently(t *testing.T, broker func(*testing.T) topics.Broker) {
	a := start(t, broker(t))
	r := a.recorder()
	keep := topics.History{Messages: 100}
	names := make([]string, 8)
	for i := range names {
		names[i] = fresh("room")
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, name := range names {
		begin := a.since(name, keep, topics.Position{}, nil)
		wg.Go(func() {
			for seen := 0; seen < 50; {
				missed, _, err := r.Since(a.ctx, name, keep, begin, plenty)
				if err != nil || len(missed) < seen {
					t.Errorf("%d messages after %d: %v", len(missed), seen, err)
					return
				}
				for i, p := range missed {
					if string(p.Data) != fmt.Sprint(i) {
						t.Errorf("message %d is %q", i, p.Data)
					}
				}
				seen = len(missed)
			}
		})
	}
	for i := range 50 {
		for _, name := range names {
			if _, err := r.Publish(a.ctx, []topics.Packet{kept(name, fmt.Sprint(i), keep)}); err != nil {
				t.Errorf("publish: %v", err)
			}
		}
	}
}
