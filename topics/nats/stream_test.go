package nats

import (
	"testing"
	"time"

	"github.com/framerail/framerail/topics"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func TestRecorder_ZeroValueIsBounded(t *testing.T) {
	c := new(Recorder).config()
	if c.Name != "framerail" || c.MaxBytes != DefaultMaxBytes || c.MaxAge != DefaultMaxAge || c.MaxMsgsPerSubject <= 0 || c.Replicas != 1 {
		t.Errorf("%+v", c)
	}
	r := &Recorder{Broker: Broker{Prefix: "one.program"}, MaxAge: time.Minute}
	if c := r.config(); c.Name != "one-program" || c.Subjects[0] != "one.program-kept.>" || c.Duplicates != time.Minute {
		t.Errorf("%+v", c)
	}
	if err := fits(&c, &c); err != nil {
		t.Error(err)
	}
}

func TestFits_NothingThatSinceReliesOnDiffers(t *testing.T) {
	want := new(Recorder).config()
	for name, change := range map[string]func(*jetstream.StreamConfig){
		"subjects":         func(c *jetstream.StreamConfig) { c.Subjects = append(c.Subjects, "b") },
		"no republishing":  func(c *jetstream.StreamConfig) { c.RePublish = nil },
		"headers only":     func(c *jetstream.StreamConfig) { r := *c.RePublish; r.HeadersOnly = true; c.RePublish = &r },
		"memory":           func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage },
		"a queue":          func(c *jetstream.StreamConfig) { c.Retention = jetstream.WorkQueuePolicy },
		"new ones go":      func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardNew },
		"no direct gets":   func(c *jetstream.StreamConfig) { c.AllowDirect = false },
		"deleting":         func(c *jetstream.StreamConfig) { c.DenyDelete = false },
		"purging":          func(c *jetstream.StreamConfig) { c.DenyPurge = false },
		"rollups":          func(c *jetstream.StreamConfig) { c.AllowRollup = true },
		"lifetimes":        func(c *jetstream.StreamConfig) { c.AllowMsgTTL = true },
		"unknown metadata": func(c *jetstream.StreamConfig) { c.Metadata = nil },
	} {
		have := want
		if change(&have); fits(&have, &want) == nil {
			t.Errorf("%s: it fits", name)
		}
	}
}

func TestLimits_OneMessageMoreIsKept(t *testing.T) {
	l := limits{messages: 11, age: time.Hour}
	for keep, want := range map[topics.History]bool{
		{Messages: 10}: true, {Messages: 11}: false, {Last: true}: true,
		{Messages: 1, Age: time.Hour}: true, {Messages: 1, Age: time.Hour + 1}: false,
	} {
		if got := l.allow(keep); got != want {
			t.Errorf("%+v: %t", keep, got)
		}
	}
	l = limits{messages: -1, age: 0} // an operator has lifted them
	if !l.allow(topics.History{Messages: 1 << 20, Age: 1000 * time.Hour}) {
		t.Error("topics ask for more than everything")
	}
}

func TestEpoch_IsOfNameAndCreation(t *testing.T) {
	at := time.Now()
	seen := map[uint64]bool{}
	for _, name := range []string{"a", "b"} {
		for i := range 3 {
			info := &jetstream.StreamInfo{Created: at.Add(time.Duration(i))}
			info.Config.Name = name
			e := epochOf(info)
			if e == 0 || e >= 1<<53 || seen[e] || e != epochOf(info) {
				t.Errorf("%s, %d: %d", name, i, e)
			}
			seen[e] = true
		}
	}
}

func TestPlaceOf_OnlyWhatTheStreamSent(t *testing.T) {
	m := nats.NewMsg("framerail.a")
	if at, prev := placeOf(m, 5); at != (topics.Position{}) || prev != 0 {
		t.Error(at, prev)
	}
	m.Header.Set("Nats-Sequence", "17")
	m.Header.Set("Nats-Last-Sequence", "12")
	if at, prev := placeOf(m, 5); at != (topics.Position{Epoch: 5, Offset: 17}) || prev != 12 {
		t.Error(at, prev)
	}
}

func TestIdentity_DiffersByTopicAndData(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range []topics.Packet{{Topic: "a", Data: []byte("b")}, {Topic: "a", Data: []byte("c")}, {Topic: "ab"}, {Topic: "a"}} {
		id := identity(&p)
		if seen[id] || len(id) != 24 || id != identity(&p) {
			t.Errorf("%+v: %s", p, id)
		}
		seen[id] = true
	}
}

func TestWholeNow_NothingBehindItWasRemoved(t *testing.T) {
	for state, want := range map[[3]uint64]uint64{ // messages, first, last
		{0, 0, 0}: 0, {0, 8, 7}: 7, {3, 1, 3}: 0, {3, 5, 7}: 4, {3, 1, 7}: 7,
	} {
		if got := wholeNow(&jetstream.StreamState{Msgs: state[0], FirstSeq: state[1], LastSeq: state[2]}); got != want {
			t.Errorf("%v: %d, want %d", state, got, want)
		}
	}
}
