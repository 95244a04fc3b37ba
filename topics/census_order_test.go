package topics

import (
	"context"
	"encoding/binary"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/server"
)

// Topics that are gone are told of first: another topic may have such a one's name by now.
func TestCensuses_GoneTopicsComeFirst(t *testing.T) {
	c := new(censuses)
	for i := range 40 {
		one := new(topic)
		one.gone.Store(i%2 == 0)
		c.add(one)
	}
	all := c.all()
	expect(t, "topics", len(all), 40)
	for i, one := range all {
		expect(t, "is gone", one.gone.Load(), i < 20)
	}
}

// takingBroker takes all that it is given.
type takingBroker struct {
	mu    sync.Mutex
	taken []Packet // guarded by mu
}

func (b *takingBroker) Run(ctx context.Context, n Node) error {
	n.Up()
	<-ctx.Done()
	return ctx.Err()
}

func (b *takingBroker) Interest(context.Context, []string, []string) error { return nil }

func (b *takingBroker) Publish(_ context.Context, ps []Packet) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.taken = append(b.taken, ps...)
	return len(ps), nil
}

// heldValue is a value that stops whoever asks for its text again.
type heldValue struct {
	asked         atomic.Bool
	held, proceed chan struct{}
}

func (v *heldValue) MarshalText() ([]byte, error) {
	if v.asked.Swap(true) {
		v.held <- struct{}{}
		<-v.proceed
	}
	return []byte("ann"), nil
}

// The last that a node tells of a topic is that it is going, also if Close comes while the worker is about to tell
// more. Of a topic that begins then it tells nothing.
func TestCensuses_NothingComesBehindTheFarewell(t *testing.T) {
	b := new(takingBroker)
	h := &Topics{Broker: b, History: func(string) History { return History{Presence: true} }}
	w, _ := newWorld(t, h, &server.Server{}, 2)
	w.subscribe(w.conns[0], "a")
	value := &heldValue{held: make(chan struct{}), proceed: make(chan struct{})}
	if err := h.SetPresence(w.conns[0], "a", value); err != nil {
		t.Fatal(err)
	}
	<-value.held // the worker is about to tell others of it
	l := h.link()
	before, _ := l.outbox.marks()
	closed := make(chan struct{})
	go func() {
		h.Close()
		close(closed)
	}()
	for put := before; put == before; put, _ = l.outbox.marks() {
		time.Sleep(time.Millisecond)
	}
	w.subscribe(w.conns[1], "b")
	expect(t, "topics of the census", len(l.census.all()), 0)
	close(value.proceed)
	<-closed
	all := b.taken
	for _, p := range l.outbox.queue[l.outbox.first:] { // that Close did not wait for
		all = append(all, p.Packet)
	}
	farewells := 0
	for _, p := range all {
		hd, rest, err := readHeader(p.Data)
		if err != nil || hd.kind != kindCensus {
			continue
		}
		switch number, _ := binary.Uvarint(rest); {
		case number == ^uint64(0):
			farewells++
		case farewells > 0:
			t.Errorf("a census of %q behind the farewell", p.Topic)
		}
	}
	expect(t, "farewells", farewells, 1)
}
