package topics

import (
	"slices"
	"strings"
	"testing"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

func TestPublish_ReachesMembers(t *testing.T) {
	w, cl := newWorld(t, new(Topics), &server.Server{Loops: 2}, 4)
	for _, c := range w.conns[:3] {
		w.subscribe(c, "room.1")
	}
	w.subscribe(w.conns[3], "room.2")
	expect(t, "count", w.Count("room.1"), 3)
	w.publish("room.1", "a")
	_, err := w.PublishExcept("room.1", w.conns[1], text("b"))
	expect(t, "except", err, nil)
	w.publish("room.3", "nobody")
	for i, want := range []string{"a b", "a", "a b", ""} {
		w.expect(cl[i], want)
	}
	expect(t, "unsubscribe", w.Unsubscribe(w.conns[0], "room.1"), nil)
	expect(t, "again", w.Unsubscribe(w.conns[0], "room.1"), ErrNotSubscribed)
	w.publish("room.1", "c")
	w.expect(cl[0], "")
	w.expect(cl[1], "c")
	cl[1].Leave()
	w.sim.Settle()
	expect(t, "count", w.Count("room.1"), 1)
	expect(t, "members", len(slices.Collect(w.Members("room.1"))), 1)
	s := w.Stats()
	s.Topics -= 2
	expect(t, "stats", s, Stats{Subscriptions: 2, Published: 4, Delivered: 7})
	_, err = w.Subscribe(w.conns[1], "room.1")
	expect(t, "closed", err, conn.ErrClosed)
}

func TestPublish_SeveralInATurnAreOneWrite(t *testing.T) {
	w, cl := newWorld(t, new(Topics), &server.Server{Loops: 1}, 1)
	w.subscribe(w.conns[0], "a")
	want := make([]string, 50)
	for i := range want {
		want[i] = strings.Repeat("x", i)
		w.publish("a", want[i])
	}
	w.expect(cl[0], strings.Join(want, " "))
}

func TestPatterns(t *testing.T) {
	w, cl := newWorld(t, new(Topics), &server.Server{Loops: 2}, 4)
	w.subscribe(w.conns[0], "rooms.*.chat")
	w.subscribe(w.conns[1], "rooms.>")
	w.subscribe(w.conns[2], "rooms.7.chat")
	for _, pattern := range []string{">", "rooms.7.chat", "*.7.*", "rooms.>", "*.*.chat"} {
		w.subscribe(w.conns[3], pattern)
	}
	expect(t, "topics", len(slices.Collect(w.Of(w.conns[3]))), 5)
	w.publish("rooms.7.chat", "1")
	w.publish("rooms.7.news", "2")
	w.publish("rooms", "3")
	w.publish("rooms.8.chat", "4")
	_, err := w.PublishExcept("rooms.7.chat", w.conns[3], text("5"))
	expect(t, "except", err, nil)
	for i, want := range []string{"1 4 5", "1 2 4 5", "1 5", "1 2 3 4"} {
		w.expect(cl[i], want)
	}
	expect(t, "count", w.Count("rooms.*.chat"), 1)
	for _, pattern := range slices.Collect(w.Of(w.conns[3])) {
		expect(t, "unsubscribe "+pattern, w.Unsubscribe(w.conns[3], pattern), nil)
	}
	w.publish("rooms.7.chat", "6")
	w.expect(cl[3], "")
	w.expect(cl[1], "6")
}

func TestNames(t *testing.T) {
	h := &Topics{MaxNameLen: 20}
	for name, want := range map[string]error{
		"a": nil, "a.b": nil, "größe.ß": nil, "a*b.c>": nil,
		"": ErrName, ".": ErrName, "a.": ErrName, ".a": ErrName, "a..b": ErrName, "a b": ErrName, "a\x00": ErrName, "\xff": ErrName, ">.a": ErrName,
		"*": ErrWildcard, "a.*": ErrWildcard, "a.>": ErrWildcard, ">": ErrWildcard,
		strings.Repeat("x", 20): nil, strings.Repeat("x", 21): ErrNameTooLong,
	} {
		if want != ErrNameTooLong {
			expect(t, "check "+name, CheckName(name), want)
		}
		_, err := h.Publish(name, text("x"))
		expect(t, "publish to "+name, err, want)
	}
}

func TestLimits(t *testing.T) {
	w, _ := newWorld(t, &Topics{MaxTopics: 2, MaxMembers: 2}, &server.Server{}, 3)
	w.subscribe(w.conns[0], "a")
	w.subscribe(w.conns[0], "b")
	w.subscribe(w.conns[0], "b") // it is a member
	_, err := w.Subscribe(w.conns[0], "c")
	expect(t, "third topic", err, ErrTooManyTopics)
	expect(t, "unsubscribe", w.Unsubscribe(w.conns[0], "b"), nil)
	w.subscribe(w.conns[0], "c")
	w.subscribe(w.conns[1], "a")
	_, err = w.Subscribe(w.conns[2], "a")
	expect(t, "third member", err, ErrTooManyMembers)
	_, err = w.Subscribe(w.conns[2], "a..b")
	expect(t, "name", err, ErrName)
	err = w.SubscribeSince(w.conns[2], "a.*", Position{}, func(Position, error) { t.Error("an answer") })
	expect(t, "since", err, ErrWildcard)
	expect(t, "presence", w.SetPresence(w.conns[2], "a", 1), ErrNotSubscribed)
	expect(t, "presence", w.SetPresence(w.conns[0], "a.*", 1), ErrWildcard)
	_, err = w.Publish("a", conn.Message{Type: conn.Text, Payload: []byte{0xff}})
	expect(t, "text", err, conn.ErrNotUTF8)
}

func TestPresence(t *testing.T) {
	w, cl := newWorld(t, new(Topics), &server.Server{}, 3)
	for i, c := range w.conns {
		w.subscribe(c, "room")
		if i > 0 {
			expect(t, "presence", w.SetPresence(c, "room", i), nil)
		}
	}
	sum := func() (sum int) {
		for c, value := range w.Presence("room") {
			if c != w.conns[value.(int)] {
				t.Errorf("%v has another's value", value)
			}
			sum += value.(int)
		}
		return sum
	}
	expect(t, "values", sum(), 3)
	cl[1].Leave()
	w.sim.Settle()
	expect(t, "values", sum(), 2)
	expect(t, "presence", w.SetPresence(w.conns[2], "room", nil), nil)
	expect(t, "values", sum(), 0)
}

// Connections of several servers are members of one topic.
func TestSeveralServers(t *testing.T) {
	h := new(Topics)
	one, first := newWorld(t, h, &server.Server{Loops: 2}, 2)
	two, second := newWorld(t, h, &server.Server{Loops: 2}, 2)
	for _, c := range slices.Concat(one.conns, two.conns) {
		one.subscribe(c, "all")
	}
	one.publish("all", "hello")
	for i := range 2 {
		one.expect(first[i], "hello")
		two.expect(second[i], "hello")
	}
	two.shared = true // it is closed first
}

// A list of members has those that are there, whoever leaves and however.
func TestMembers_AreThoseThatAreThere(t *testing.T) {
	w, cl := newWorld(t, new(Topics), &server.Server{Loops: 1}, 100)
	for _, c := range w.conns {
		w.subscribe(c, "a")
	}
	w.sim.Settle()
	for i, c := range w.conns {
		switch i % 4 {
		case 1:
			cl[i].Leave()
		case 2:
			_ = w.Unsubscribe(c, "a")
		case 3:
			c.Abort()
		}
	}
	w.sim.Settle()
	p := w.names["a"].parts[0]
	expect(t, "members", len(p.members), 25)
	for i, sub := range p.members {
		expect(t, "place", int(sub.at), i)
	}
	for c := range w.Members("a") {
		if slices.Index(w.conns, c)%4 != 0 {
			t.Error("one that has left is a member")
		}
	}
}
