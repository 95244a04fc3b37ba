package topics

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/framerail/framerail/server"
)

// steadyBroker has a message published in each call of Publish, so that there is always one more.
type steadyBroker struct {
	takingBroker
	publish func()
	calls   atomic.Int64
	census  atomic.Bool // one has come
	over    atomic.Bool
}

func (b *steadyBroker) Publish(_ context.Context, ps []Packet) (int, error) {
	b.calls.Add(1)
	for _, p := range ps {
		if kindOf(p.Data) == kindCensus {
			b.census.Store(true)
		}
	}
	if !b.over.Load() {
		b.publish()
	}
	return len(ps), nil
}

// What is due is done, such as a census, also while there is always something to publish.
func TestLink_TicksWhileMessagesNeverEnd(t *testing.T) {
	b := new(steadyBroker)
	h := &Topics{Broker: b, Logger: quiet, History: keep(History{Presence: true})}
	b.publish = func() { _, _ = h.Publish("busy", text("x")) }
	w, _ := newWorld(t, h, &server.Server{}, 1)
	defer h.Close()
	defer b.over.Store(true)
	b.publish()
	awaitThat(t, "messages without end", func() bool { return b.calls.Load() > 100 })
	w.subscribe(w.conns[0], "a")
	awaitThat(t, "a census", b.census.Load)
}

// countingBroker counts its runs.
type countingBroker struct {
	takingBroker
	runs atomic.Int64
}

func (b *countingBroker) Run(ctx context.Context, n Node) error {
	b.runs.Add(1)
	return b.takingBroker.Run(ctx, n)
}

// A pause between two connections that ends together with the Topics begins no run: the Broker may not be there any more.
func TestLink_RunsNoBrokerAfterClose(t *testing.T) {
	b := new(countingBroker)
	h := &Topics{Broker: b, Logger: quiet}
	l := h.link()
	awaitThat(t, "a connection", l.uplink.isUp)
	h.Close()
	l.running.Add(1)
	l.run() // as behind a pause
	expect(t, "runs", b.runs.Load(), 1)
}

// The pause between two connections is anything up to a bound, which doubles, so that nodes do not come back together.
func TestBackOff_IsAnythingUpToABound(t *testing.T) {
	expect(t, "the first bound", longestPause(0), firstPause)
	last := longestPause(0)
	for tries := 1; tries < 100; tries++ {
		bound := longestPause(tries)
		expect(t, "the bound", bound, min(2*last, maxPause))
		last = bound
	}
	for _, tries := range []int{0, 3, 1 << 30} {
		bound := longestPause(tries)
		var quarters [4]int
		for range 1000 {
			pause := backOff(tries)
			if pause < 0 || pause >= bound {
				t.Fatalf("a pause of %v, at most %v", pause, bound)
			}
			quarters[4*pause/bound]++
		}
		for i, n := range quarters { // 250 are expected: fewer than 125 are 9 standard deviations off
			if n < 125 {
				t.Errorf("%d of 1,000 pauses are in quarter %d", n, i)
			}
		}
	}
}
