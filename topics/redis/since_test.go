package redis

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/topics"
)

// All nodes see one order of a topic's messages, with the same positions.
func TestPublish_PositionsAreOfTheTopic(t *testing.T) {
	r := startServer(t)
	a, b := run(t, r.broker()), run(t, r.broker())
	keep := topics.History{Messages: 100}
	a.interest("room")
	b.interest("room", "*")
	at := a.position("room", keep)
	if at.Epoch == 0 || at.Offset != 0 || b.position("room", keep) != at {
		t.Errorf("a quiet topic is at %v, and for another node at %v", at, b.position("room", keep))
	}
	done := make(chan bool)
	for _, n := range []*node{a, b} {
		go func() {
			for i := range 50 {
				n.publish("room", keep, fmt.Sprint(n.ID(), i))
			}
			done <- true
		}()
	}
	<-done
	<-done
	a.mark()
	b.mark()
	got := a.received()
	if len(got) != 100 || !slices.Equal(a.texts(), b.texts()) {
		t.Fatalf("received %q and %q", a.texts(), b.texts())
	}
	for i, p := range b.received() {
		want := topics.Position{Epoch: at.Epoch, Offset: uint64(i + 1)}
		if p.At != want || p.Prev != want.Offset-1 || got[i].At != want {
			t.Errorf("message %d is at %v behind %d, and for another node at %v", i, p.At, p.Prev, got[i].At)
		}
	}
}

func TestSince(t *testing.T) {
	r := startServer(t)
	n := run(t, r.broker())
	keep := topics.History{Messages: 100, Last: true}
	start := n.position("room", keep)
	if got, at, err := n.since("room", keep, topics.Position{}); len(got) > 0 || at != start || err != nil {
		t.Error("of a topic without messages:", got, at, err)
	}
	var texts []string
	for i := range 140 { // several pages
		texts = append(texts, fmt.Sprint(i))
	}
	n.publish("room", keep, texts...)
	at := func(offset uint64) topics.Position { return topics.Position{Epoch: start.Epoch, Offset: offset} }
	for _, c := range []struct {
		what  string
		since topics.Position
		want  []string
		err   error
	}{
		{"the last one", topics.Position{}, texts[139:], nil},
		{"nothing was missed", at(140), nil, nil},
		{"one was missed", at(139), texts[139:], nil},
		{"all that is kept", at(40), texts[40:], nil},
		{"more than is kept", at(39), nil, topics.ErrGap},
		{"from the beginning", start, nil, topics.ErrGap},
		{"from what has not been yet", at(141), nil, topics.ErrGap},
		{"of another epoch", topics.Position{Epoch: start.Epoch + 1, Offset: 140}, nil, topics.ErrGap},
		{"of the largest offset", at(1<<64 - 1), nil, topics.ErrGap},
	} {
		got, now, err := n.since("room", keep, c.since)
		if !slices.Equal(got, c.want) || now != at(140) || !errors.Is(err, c.err) {
			t.Errorf("%s: %q, %v, %v", c.what, got, now, err)
		}
	}
	if got, _, err := n.since("room", topics.History{Messages: 100}, topics.Position{}); len(got) > 0 || err != nil {
		t.Error("the last one, unasked:", got, err)
	}
	for most, want := range map[int]error{5: topics.ErrTooMuch, 6: nil} { // two of three digits
		missed, now, err := n.broker.Since(t.Context(), "room", keep, at(138), most)
		if !errors.Is(err, want) || now != at(140) || (err == nil) != (len(missed) == 2) {
			t.Errorf("at most %d bytes: %d, %v, %v", most, len(missed), now, err)
		}
	}
	if missed, now, err := n.broker.Since(t.Context(), "room", keep, topics.Position{}, 2); !errors.Is(err, topics.ErrTooMuch) || now != at(140) || missed != nil {
		t.Errorf("the last one in 2 bytes: %d, %v, %v", len(missed), now, err)
	}
}

func TestSince_HistoryIsBounded(t *testing.T) {
	r := startServer(t)
	n := run(t, r.broker())
	for _, c := range []struct {
		name string
		keep topics.History
		want []string // of 9 messages: 1, 22, 333, ...
		last string
	}{
		{"messages", topics.History{Messages: 3}, []string{"7777777", "88888888", "999999999"}, ""},
		{"last", topics.History{Last: true}, []string{"999999999"}, "999999999"},
		{"bytes", topics.History{Messages: 5, Bytes: 17}, []string{"88888888", "999999999"}, ""},
		{"bytes_of_less_than_a_message", topics.History{Messages: 5, Bytes: 8}, nil, ""},
		{"bytes_and_last", topics.History{Messages: 5, Bytes: 8, Last: true}, []string{"999999999"}, "999999999"},
		{"messages_before_bytes", topics.History{Messages: 2, Bytes: 1000, Age: time.Hour}, []string{"88888888", "999999999"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			start := n.position(c.name, c.keep)
			for i := range 9 {
				n.publish(c.name, c.keep, strings.Repeat(fmt.Sprint(i+1), i+1))
			}
			kept := uint64(len(c.want))
			got, _, err := n.since(c.name, c.keep, topics.Position{Epoch: start.Epoch, Offset: 9 - kept})
			if !slices.Equal(got, c.want) || err != nil {
				t.Errorf("kept are %q, %v", got, err)
			}
			if _, at, err := n.since(c.name, c.keep, topics.Position{Epoch: start.Epoch, Offset: 8 - kept}); !errors.Is(err, topics.ErrGap) || at.Offset != 9 {
				t.Errorf("one more: %v at %v", err, at)
			}
			if got, _, err := n.since(c.name, c.keep, topics.Position{}); strings.Join(got, " ") != c.last || err != nil {
				t.Errorf("last is %q, %v", got, err)
			}
		})
	}
}

func TestSince_WhatIsTooOldIsGone(t *testing.T) {
	r := startServer(t)
	n := run(t, r.broker())
	keep := topics.History{Messages: 10, Last: true, Age: 50 * time.Millisecond}
	start := n.position("room", keep)
	n.publish("room", keep, "1", "2")
	time.Sleep(60 * time.Millisecond)
	if got, at, err := n.since("room", keep, start); !errors.Is(err, topics.ErrGap) || at.Offset != 2 || len(got) > 0 {
		t.Error(got, at, err)
	}
	if got, _, err := n.since("room", keep, topics.Position{}); !slices.Equal(got, []string{"2"}) || err != nil {
		t.Error("the last one stays:", got, err)
	}
	n.publish("room", keep, slices.Repeat([]string{"3"}, 16)...) // enough for one that looks for old ones
	if got := r.answer("XRANGE", n.broker.streamOf("room"), "1", "2"); got != "[]" {
		t.Errorf("still kept are %s", got)
	}
}

// Keys go when nobody has used a topic for a while. Those that are asked for stay.
func TestRetention_KeysEnd(t *testing.T) {
	r := startServer(t)
	n := run(t, r.broker())
	for _, c := range []struct {
		keep           topics.History
		known, streams time.Duration
	}{
		{topics.History{Messages: 1}, DefaultRetention, DefaultRetention},
		{topics.History{Messages: 1, Age: time.Hour}, DefaultRetention, time.Hour},
		{topics.History{Messages: 1, Age: 48 * time.Hour}, 48 * time.Hour, 48 * time.Hour},
		{topics.History{Last: true, Age: time.Hour}, DefaultRetention, DefaultRetention},
	} {
		check := func(what string) {
			t.Helper()
			for key, want := range map[string]time.Duration{n.broker.knownOf("room"): c.known, n.broker.streamOf("room"): c.streams} {
				left, err := time.ParseDuration(r.answer("PTTL", key) + "ms")
				if err != nil || left > want || left < want-10*time.Minute {
					t.Errorf("%+v, %s: %s ends in %v, %v", c.keep, what, key, left, err)
				}
			}
		}
		n.publish("room", c.keep, "1")
		check("published")
		r.answer("PEXPIRE", n.broker.knownOf("room"), "100000")
		r.answer("PEXPIRE", n.broker.streamOf("room"), "100000")
		n.position("room", c.keep)
		check("asked for")
	}
}

// What Redis evicts is missed, never passed over.
func TestSince_AfterEviction(t *testing.T) {
	r := startServer(t)
	n := run(t, r.broker())
	keep := topics.History{Messages: 10, Last: true}
	n.publish("room", keep, "1", "2")
	at := n.position("room", keep)

	r.answer("DEL", n.broker.streamOf("room"))
	if got, now, err := n.since("room", keep, topics.Position{Epoch: at.Epoch, Offset: 1}); !errors.Is(err, topics.ErrGap) || now != at {
		t.Error("without the stream:", got, now, err)
	}
	if got, now, err := n.since("room", keep, topics.Position{}); len(got) > 0 || now != at || err != nil {
		t.Error("without the stream there is no last one:", got, now, err)
	}
	n.publish("room", keep, "3")
	if got, now, err := n.since("room", keep, at); !slices.Equal(got, []string{"3"}) || now.Offset != 3 || err != nil {
		t.Error("what came after it:", got, now, err)
	}

	at = n.position("room", keep)
	r.answer("DEL", n.broker.knownOf("room"))
	if got, now, err := n.since("room", keep, at); !errors.Is(err, topics.ErrGap) || now.Epoch == at.Epoch || now.Offset != 0 {
		t.Error("without the epoch:", got, now, err)
	}
	r.answer("DEL", n.broker.knownOf("room"))
	n.publish("room", keep, "4", "5", "6")
	if got, now, err := n.since("room", keep, at); !errors.Is(err, topics.ErrGap) || now.Epoch == at.Epoch || now.Offset != 3 {
		t.Error("without the epoch, and published again:", got, now, err)
	}
}

// A message that is published under an epoch while Since reads another one does not count as of that.
func TestSince_EntriesHaveTheirEpoch(t *testing.T) {
	r := startServer(t)
	n := run(t, r.broker())
	keep := topics.History{Messages: 10, Last: true}
	n.publish("room", keep, "1", "2")
	at := n.position("room", keep)
	r.answer("HSET", n.broker.knownOf("room"), "epoch", "abc")
	at.Epoch = 0xabc
	if got, now, err := n.since("room", keep, topics.Position{Epoch: 0xabc, Offset: 1}); !errors.Is(err, topics.ErrGap) || now != at {
		t.Error(got, now, err)
	}
	if got, now, err := n.since("room", keep, topics.Position{}); len(got) > 0 || now != at || err != nil {
		t.Error(got, now, err)
	}
}

func (b *Broker) knownOf(topic string) string {
	return b.session.Load().name(partition(topic), kindKnown, topic)
}

func (b *Broker) streamOf(topic string) string {
	return b.session.Load().name(partition(topic), kindStream, topic)
}
