package embedded_test

import (
	"errors"
	"testing"

	"github.com/framerail/framerail/topics"
	"github.com/framerail/framerail/topics/nats"
	"github.com/nats-io/nats.go/jetstream"
)

func TestRecorder_ServerComesBackWithItsStore(t *testing.T) {
	s := newProcess(t)
	n := up(t, recorder(s.url()))
	start := n.position("a")
	n.publish("a", ten, "1", "2")
	s.kill()
	if err := n.over(); err == nil {
		t.Error("without a reason")
	}
	s.start()
	n.run()
	n.interest("a")
	n.publish("a", ten, "3")
	if got, at, err := n.since("a", ten, start); err != nil || got != "1 2 3" || at.Epoch != start.Epoch {
		t.Errorf("%q, %v, %v", got, at, err)
	}
	n.hears("a", "3")
	if p := n.got("a")[0]; p.At.Epoch != start.Epoch || p.Prev != p.At.Offset-1 {
		t.Errorf("%+v", p)
	}
}

// Its sequences begin again at 1, which looks like those of before.
func TestRecorder_ServerComesBackEmpty(t *testing.T) {
	s := newProcess(t)
	n := up(t, recorder(s.url()))
	n.publish("a", ten, "1", "2")
	before := n.position("a")
	s.kill()
	_ = n.over()
	s.forget()
	s.start()
	n.run()
	for range 2 {
		if got, at, err := n.since("a", ten, before); !errors.Is(err, topics.ErrGap) || at.Epoch == before.Epoch {
			t.Errorf("%q, %v, %v", got, at, err)
		}
		n.publish("a", ten, numbers(1, 5)...)
	}
}

// Nothing else says that positions have another meaning.
func TestRecorder_RunEndsWhenTheStreamIsMadeAnew(t *testing.T) {
	s := newProcess(t)
	n := up(t, recorder(s.url()))
	n.publish("a", ten, "1", "2")
	before := n.position("a")
	if err := admin(t, s).DeleteStream(t.Context(), "framerail"); err != nil {
		t.Fatal(err)
	}
	if err := n.over(); err == nil {
		t.Error("without a reason")
	}
	n.run()
	n.publish("a", ten, numbers(1, 5)...)
	if got, at, err := n.since("a", ten, before); !errors.Is(err, topics.ErrGap) || at.Epoch == before.Epoch {
		t.Errorf("%q, %v, %v", got, at, err)
	}
}

// Single messages that are missing would not be noticed.
func TestRecorder_ItsStreamIsNotPurged(t *testing.T) {
	s := newProcess(t)
	n := up(t, recorder(s.url()))
	start := n.position("a")
	n.publish("a", ten, "1", "2")
	stream, err := admin(t, s).Stream(t.Context(), "framerail")
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context()); err == nil {
		t.Error("it was purged")
	}
	if err := stream.DeleteMsg(t.Context(), 1); err == nil {
		t.Error("a message was deleted")
	}
	if got, _, err := n.since("a", ten, start); err != nil || got != "1 2" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestRecorder_RefusesAnotherStream(t *testing.T) {
	s := newProcess(t)
	for name, c := range map[string]jetstream.StreamConfig{
		"subjects": {Subjects: []string{"framerail-kept.rooms.>"}},
		"purged":   {Subjects: []string{"framerail-kept.>"}, AllowDirect: true, RePublish: &jetstream.RePublish{Source: "framerail-kept.>", Destination: "framerail.>"}},
		"memory":   {Subjects: []string{"framerail-kept.>"}, Storage: jetstream.MemoryStorage, RePublish: &jetstream.RePublish{Source: "framerail-kept.>", Destination: "framerail.>"}},
	} {
		js := admin(t, s)
		c.Name = "framerail"
		if _, err := js.CreateStream(t.Context(), c); err != nil {
			t.Fatal(name, err)
		}
		n := newNode(t, recorder(s.url()))
		if err := n.broker.Run(t.Context(), n); err == nil || n.ups != 0 {
			t.Errorf("%s: %v", name, err)
		}
		if err := js.DeleteStream(t.Context(), "framerail"); err != nil {
			t.Fatal(err)
		}
	}
	// Two programs at one server have two streams.
	one, two := recorder(s.url()), recorder(s.url())
	two.Prefix = "second.program"
	a, b := up(t, one), up(t, two)
	a.interest(">")
	b.interest(">")
	a.publish("a", ten, "1")
	b.publish("a", ten, "2")
	a.hears("", "1")
	b.hears("", "2")
}

func TestRecorder_NeedsJetStream(t *testing.T) {
	s := newProcess(t)
	s.kill()
	s.plain = true
	s.start()
	n := newNode(t, recorder(s.url()))
	if err := n.broker.Run(t.Context(), n); !errors.Is(err, jetstream.ErrJetStreamNotEnabled) || n.ups != 0 {
		t.Error(err)
	}
	up(t, &nats.Broker{URL: s.url()})
}
