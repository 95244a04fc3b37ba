package chat

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/servertest"
	"github.com/framerail/framerail/topics"
)

// house is the rooms of a node, with simulated pages.
type house struct {
	*Rooms
	t   *testing.T
	sim *servertest.Sim
}

func newHouse(t *testing.T, options ...func(*server.Server)) *house {
	t.Helper()
	h := &house{New("one"), t, nil}
	srv := h.Server(slog.New(slog.DiscardHandler))
	srv.Loops = 2
	for _, set := range options {
		set(srv)
	}
	h.sim = servertest.New(1, srv)
	t.Cleanup(func() {
		if err := h.sim.Close(); err != nil {
			t.Error(err)
		}
		for name, r := range h.rooms {
			if len(r.people) > 0 || r.users != 0 {
				t.Errorf("%d people and %d users are left in room %s", len(r.people), r.users, name)
			}
		}
	})
	return h
}

// page is a page that is open.
type page struct {
	*servertest.Client
	h       *house
	welcome event
	last    event           // of those that want has seen
	at      topics.Position // of the last line
	known   map[string]bool // names that the page has from its welcome, or has been told since to be here
}

func (h *house) open() *page {
	h.t.Helper()
	p := &page{Client: h.sim.Dial(SocketPath), h: h}
	h.sim.Settle()
	return p
}

// say sends a message of the page's.
func (p *page) say(format string, args ...any) {
	p.SendText(fmt.Sprintf(format, args...))
	p.h.sim.Settle()
}

// take returns what has come since the last call, as "type name text people", and behind a line
// the lines that come with it.
func (p *page) take() []string {
	p.h.t.Helper()
	p.h.sim.Settle()
	var events []string
	for m, ok := p.Next(); ok; m, ok = p.Next() {
		e := p.decode(m)
		events = append(events, p.note(e))
		for _, line := range e.Lines {
			events = append(events, p.note(p.decode(conn.Message{Payload: line})))
		}
		p.last = e
	}
	return events
}

// note keeps what the page knows from an event, and returns its words.
func (p *page) note(e event) (words string) {
	switch e.Type {
	case "welcome":
		p.welcome, p.known = e, map[string]bool{}
		for _, one := range e.People {
			p.known[one.Name] = true
		}
	case "here":
		p.known[e.Name] = true
	case "said":
		p.at = e.Position
	}
	return e.words()
}

func (p *page) decode(m conn.Message) (e event) {
	p.h.t.Helper()
	if err := json.Unmarshal(m.Payload, &e); err != nil {
		p.h.t.Fatalf("%v: %v", m, err)
	}
	if (e.At != 0) != (e.Type == "said") {
		p.h.t.Errorf("%v: a time goes with said and nothing else", m)
	}
	return e
}

func (e event) words() string {
	words := []string{e.Type, e.Name, e.Text}
	for _, p := range e.People {
		words = append(words, p.Name)
	}
	if e.Older {
		words = append(words, "(older)")
	}
	if e.Gap {
		words = append(words, "(gap)")
	}
	return strings.Join(slices.DeleteFunc(words, func(s string) bool { return s == "" }), " ")
}

func (p *page) want(events ...string) {
	p.h.t.Helper()
	if got := p.take(); !slices.Equal(got, events) {
		p.h.t.Errorf("got %q, want %q", got, events)
	}
}

func (p *page) wantClosed(code uint16) {
	p.h.t.Helper()
	p.h.sim.Settle()
	if frame, ok := p.Closed(); !ok || uint16(frame.Code) != code {
		p.h.t.Errorf("closed with %v, %v; want %d", frame, ok, code)
	}
}

// join opens a page that joins the lobby as name.
func (h *house) join(name string) *page {
	h.t.Helper()
	p := h.open()
	p.say(`{"type":"join","room":"lobby","name":%q}`, name)
	return p
}

// enter opens a page that has joined the lobby as name and has seen its welcome.
func (h *house) enter(name string) *page {
	h.t.Helper()
	p := h.join(name)
	if got := p.soon(1); len(got) == 0 || !strings.HasPrefix(got[0], "welcome ") {
		h.t.Fatalf("%s got %q, want a welcome", name, got)
	}
	return p
}

// soon is take, once there are so many events.
func (p *page) soon(n int) (events []string) {
	p.h.t.Helper()
	for end := time.Now().Add(time.Minute); len(events) < n; time.Sleep(time.Millisecond) {
		if events = append(events, p.take()...); time.Now().After(end) {
			p.h.t.Fatalf("%d events of %d: %q", len(events), n, events)
		}
	}
	return events
}

// meet waits until the page knows all these names, and has n events that are neither its welcome nor about who is here: those
// come at any time between. It returns the n events.
func (p *page) meet(n int, names ...string) (events []string) {
	p.h.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		for _, words := range p.take() {
			if kind, _, _ := strings.Cut(words, " "); kind != "welcome" && kind != "here" {
				events = append(events, words)
			}
		}
		if len(events) >= n && !slices.ContainsFunc(names, func(name string) bool { return !p.known[name] }) {
			return events
		}
		if time.Now().After(end) {
			p.h.t.Fatalf("it knows %v of %q, and has %d events of %d: %q", p.known, names, len(events), n, events)
		}
	}
}

func (p *page) wantSoon(events ...string) {
	p.h.t.Helper()
	if got := p.soon(len(events)); !slices.Equal(got, events) {
		p.h.t.Errorf("got %q, want %q", got, events)
	}
}

// back opens a page that comes back to the lobby.
func (h *house) back(name, since string) *page {
	p := h.open()
	p.say(`{"type":"join","room":"lobby","name":%q,"since":%q}`, name, since)
	return p
}
