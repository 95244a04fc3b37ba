package embedded_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/nats"
	client "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// recorder is one whose stream has room in a small directory.
func recorder(url string) *nats.Recorder {
	return &nats.Recorder{Broker: nats.Broker{URL: url}, MaxBytes: 16 << 20}
}

// numbers are messages from a number to another.
func numbers(from, to int) (all []string) {
	for i := from; i <= to; i++ {
		all = append(all, fmt.Sprint(i))
	}
	return all
}

func spoken(from, to int) string { return strings.Join(numbers(from, to), " ") }

// admin is a program that manages streams.
func admin(t *testing.T, s *process) jetstream.JetStream {
	t.Helper()
	nc, err := client.Connect(s.url(), client.NoReconnect(), client.Timeout(long))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

var ten = topics.History{Last: true, Messages: 10}

func TestRecorder_AllNodesHaveTheSamePositions(t *testing.T) {
	s := newProcess(t)
	a, b := up(t, recorder(s.url())), up(t, recorder(s.url()))
	start := a.position("a")
	if b.position("a") != start {
		t.Error("a topic without messages has several positions")
	}
	a.interest("a")
	b.interest("*")
	a.publish("a", ten, "1", "2")
	b.publish("b", ten, "other")
	b.publish("a", ten, "3")
	b.publish("a", topics.History{}, "not kept")
	a.hears("a", "1 2 3 not kept")
	b.hears("a", "1 2 3")
	prev := uint64(0)
	for i, p := range b.got("a") {
		if q := a.got("a")[i]; p.At != q.At || p.At.Epoch != start.Epoch || p.At.Offset <= prev || p.Prev != prev || q.Prev != prev {
			t.Errorf("message %d: %+v and %+v behind %d", i, p, q, prev)
		}
		prev = p.At.Offset
	}
	if p := a.got("a")[3]; p.At != (topics.Position{}) || p.Prev != 0 {
		t.Errorf("a message that is not kept has a place: %+v", p)
	}
	for i, p := range a.got("a")[:3] {
		if got, at, err := b.since("a", ten, p.At); err != nil || got != spoken(i+2, 3) || at.Offset < prev {
			t.Errorf("behind message %d: %q, %v, %v", i+1, got, at, err)
		}
	}
	if got, _, err := b.since("a", ten, start); err != nil || got != "1 2 3" {
		t.Errorf("from the start: %q, %v", got, err)
	}
	if got, at, err := b.since("a", ten, topics.Position{}); err != nil || got != "3" || at.Offset < prev {
		t.Errorf("the last one: %q, %v, %v", got, at, err)
	}
}

// A client of a topic in which nothing happened can come back.
func TestRecorder_QuietTopicsHaveNoGap(t *testing.T) {
	s := newProcess(t)
	n := up(t, recorder(s.url()))
	empty := n.position("empty")
	n.publish("quiet", ten, "1")
	quiet := n.position("quiet")
	n.publish("busy", ten, numbers(1, 50)...)
	for topic, at := range map[string]topics.Position{"empty": empty, "quiet": quiet} {
		got, now, err := n.since(topic, ten, at)
		if err != nil || got != "" || now.Offset < at.Offset {
			t.Errorf("%s: %q, %v, %v", topic, got, now, err)
		}
		n.publish(topic, ten, "2")
		n.publish("busy", ten, "51")
		if got, now, err := n.since(topic, ten, at); err != nil || got != "2" || now != n.position(topic) {
			t.Errorf("%s: %q, %v, %v", topic, got, now, err)
		}
	}
}

// A node that is new to a topic has what the stream keeps of it, also if others were the last ones to be published to.
func TestRecorder_ANewNodeHasWhatIsKept(t *testing.T) {
	s := newProcess(t)
	one, two := newPlace(t, "one", recorder(s.url()), ten, nil), newPlace(t, "two", recorder(s.url()), ten, nil)
	ann := one.join(topics.Position{})
	one.say(3)
	eventually(t, "Ann has all", func() bool { ann.look(); return len(ann.seen["one"]) == 3 })
	up(t, recorder(s.url())).publish("another", ten, "1")
	bob := two.join(topics.Position{})
	kept, err := two.Kept(room, bob.at, 10)
	n := 0
	for range kept {
		n++
	}
	if err != nil || n != 3 {
		t.Errorf("at %v it has %d messages, %v; want 3", bob.at, n, err)
	}
}

func TestRecorder_GivesAllOrNothing(t *testing.T) {
	s := newProcess(t)
	n := up(t, recorder(s.url()))
	start := n.position("a")
	n.publish("a", ten, numbers(1, 10)...)
	if got, _, err := n.since("a", ten, start); err != nil || got != spoken(1, 10) {
		t.Errorf("%q, %v", got, err)
	}
	n.publish("a", ten, "11")
	present := n.position("a")
	gap := func(what string, at topics.Position, keep topics.History) {
		t.Helper()
		if got, now, err := n.since("a", keep, at); !errors.Is(err, topics.ErrGap) || got != "" || now != present {
			t.Errorf("%s: %q, %v, %v", what, got, now, err)
		}
	}
	gap("more than the topic keeps", start, ten)
	gap("another epoch", topics.Position{Epoch: start.Epoch + 1, Offset: start.Offset}, ten)
	gap("not there yet", topics.Position{Epoch: start.Epoch, Offset: present.Offset + 1}, ten)
	behind := topics.Position{Epoch: start.Epoch, Offset: present.Offset - 3}
	gap("too many bytes", behind, topics.History{Messages: 10, Bytes: 4})
	gap("too old", behind, topics.History{Messages: 10, Age: time.Nanosecond})
	gap("only the last is kept", behind, topics.History{Last: true})
	if got, _, err := n.since("a", ten, behind); err != nil || got != "9 10 11" {
		t.Errorf("%q, %v", got, err)
	}
	ps, now, err := n.broker.(topics.Recorder).Since(t.Context(), "a", ten, behind, 4)
	if !errors.Is(err, topics.ErrTooMuch) || ps != nil || now != present {
		t.Errorf("beyond the bound: %v, %v, %v", ps, now, err)
	}
	if ps, _, err := n.broker.(topics.Recorder).Since(t.Context(), "a", ten, behind, 5); err != nil || len(ps) != 3 {
		t.Errorf("within the bound: %v, %v", ps, err)
	}
	if _, _, err := n.broker.(topics.Recorder).Since(t.Context(), "a", ten, topics.Position{}, 1); !errors.Is(err, topics.ErrTooMuch) {
		t.Errorf("the last one, beyond the bound: %v", err)
	}
}

// The limit of the stream for each topic grows with what a topic asks for. What went before is known to be gone.
func TestRecorder_GrowsItsStream(t *testing.T) {
	s := newProcess(t)
	n := up(t, recorder(s.url()))
	n.publish("other", ten, "1") // stays the oldest
	start := n.position("a")
	n.publish("a", ten, numbers(1, 1100)...)
	much := topics.History{Messages: 2000, Age: 48 * time.Hour}
	big := strings.Repeat("x", 20_000)
	n.publish("b", much, "1") // raises the limit
	if got, _, err := n.since("a", much, start); !errors.Is(err, topics.ErrGap) {
		t.Errorf("%q, %v", got, err)
	}
	stream, err := admin(t, s).Stream(t.Context(), "framerail")
	if err != nil {
		t.Fatal(err)
	}
	if c := stream.CachedInfo().Config; c.MaxMsgsPerSubject != 2001 || c.MaxAge != much.Age {
		t.Errorf("%d messages, %v", c.MaxMsgsPerSubject, c.MaxAge)
	}
	start = n.position("c")
	n.publish("c", much, numbers(1, 2000)...)
	if got, _, err := n.since("c", much, start); err != nil || got != spoken(1, 2000) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	start = n.position("d")
	for i := range 30 {
		n.publish("d", much, big+fmt.Sprint(10+i))
	}
	if got, _, err := n.since("d", much, start); err != nil || len(got) != 30*(len(big)+2)+29 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	again := up(t, recorder(s.url())) // asks for less, and finds more
	if got, _, err := again.since("d", much, start); err != nil || len(got) != 30*(len(big)+2)+29 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// Positions from before the stream grew are good, if it had lost nothing. So they are if the node that had it grow ended in between.
func TestRecorder_PositionsOutliveGrowth(t *testing.T) {
	s := newProcess(t)
	n := up(t, recorder(s.url()))
	start := n.position("a")
	n.publish("b", topics.History{Messages: 2000}, "1") // raises the limit
	n.publish("a", ten, "1", "2")
	whole := func() {
		t.Helper()
		if got, _, err := n.since("a", ten, start); err != nil || got != "1 2" {
			t.Errorf("%q, %v", got, err)
		}
	}
	whole()
	js := admin(t, s)
	stream, err := js.Stream(t.Context(), "framerail")
	if err != nil {
		t.Fatal(err)
	}
	c := stream.CachedInfo().Config
	c.Metadata["framerail-whole-since"] = fmt.Sprint(uint64(math.MaxUint64))
	if _, err := js.UpdateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if got, _, err := n.since("a", ten, start); !errors.Is(err, topics.ErrGap) {
		t.Errorf("%q, %v", got, err)
	}
	n.stop()
	n.run()
	whole()
}

// A stream that is full loses its oldest messages, of any topic.
func TestRecorder_AFullStreamHasGaps(t *testing.T) {
	s := newProcess(t)
	r := recorder(s.url())
	r.MaxBytes = 100_000
	n := up(t, r)
	start := n.position("quiet")
	n.publish("quiet", ten, "1")
	behind := n.position("quiet")
	big := strings.Repeat("x", 10_000)
	for i := range 20 {
		n.publish(label(i), ten, big)
	}
	for _, at := range []topics.Position{start, behind} {
		if got, _, err := n.since("quiet", ten, at); !errors.Is(err, topics.ErrGap) {
			t.Errorf("%q, %v", got, err)
		}
	}
	if got, _, err := n.since("quiet", ten, topics.Position{}); err != nil || got != "" {
		t.Errorf("%q, %v", got, err)
	}
	at := n.position("quiet")
	n.publish("quiet", ten, "2")
	if got, _, err := n.since("quiet", ten, at); err != nil || got != "2" {
		t.Errorf("%q, %v", got, err)
	}
}

// A message may be published again because its confirmation was lost.
func TestRecorder_StoresAMessageOnce(t *testing.T) {
	s := newProcess(t)
	n := up(t, recorder(s.url()))
	n.interest("a")
	start := n.position("a")
	n.publish("a", ten, "1", "2")
	n.hears("a", "1 2")
	n.stop()
	n.run()
	n.interest("a")
	n.publish("a", ten, "1", "2", "3")
	n.publish("b", ten, "1")
	if got, _, err := n.since("a", ten, start); err != nil || got != "1 2 3" {
		t.Errorf("%q, %v", got, err)
	}
	n.hears("a", "1 2 3")
}
