package main

import (
	"encoding/json"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/framerail/framerail/cmd/examples/internal/exampletest"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

// hear waits for an event that satisfies want, past lists of members.
func hear(t *testing.T, c *websocket.Conn, what string, want func(e event) bool) event {
	t.Helper()
	for {
		var e event
		if err := json.Unmarshal([]byte(exampletest.Hear(t, c)), &e); err != nil {
			t.Fatal(err)
		}
		if want(e) {
			return e
		}
		if e.Members == nil {
			t.Fatalf("heard %+v, want %s", e, what)
		}
	}
}

func enterRoom(t *testing.T, p *exampletest.Program, name, since string) *websocket.Conn {
	t.Helper()
	query := url.Values{"room": {"go"}, "name": {name}, "since": {since}}
	return exampletest.Dial(t, p.URL+"rooms?"+query.Encode(), nil)
}

// say says a text, with an ID.
func say(t *testing.T, c *websocket.Conn, id, text string) {
	t.Helper()
	b, err := json.Marshal(event{ID: id, Text: text})
	if err != nil {
		t.Fatal(err)
	}
	exampletest.Say(t, c, string(b))
}

func begins(e event) bool { return e.At.Epoch != 0 && e.Text == "" && !e.Gap }

func says(text string) func(event) bool {
	return func(e event) bool { return e.At.Epoch != 0 && e.Text == text && !e.Gap }
}

// A page that was cut off gets what it has missed, once and in order, and then what comes.
func TestRooms_APageThatComesBackMissesNothing(t *testing.T) {
	p := exampletest.Start(t)
	bo := enterRoom(t, p, "Bo", "")
	hear(t, bo, "a place", begins)
	ada := enterRoom(t, p, "Ada", "")
	at := hear(t, ada, "a place", begins).At // nothing was said yet
	if err := ada.CloseNow(); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"one", "two", "three"} {
		say(t, bo, "id "+text, text)
		if e := hear(t, bo, text, says(text)); e.ID != "id "+text || e.Name != "Bo" {
			t.Errorf("it comes back as %+v", e)
		}
	}
	ada = enterRoom(t, p, "Ada", at.String())
	for _, text := range []string{"one", "two", "three"} {
		at = hear(t, ada, text, says(text)).At
	}
	say(t, ada, "", "four")
	hear(t, ada, "four", says("four"))
	if at.Offset != 3 {
		t.Errorf("three messages lead to %v", at)
	}

	stranger := enterRoom(t, p, "Eve", "1.1")
	hear(t, stranger, "that something is missing", func(e event) bool { return e.Gap && e.At.Offset == 4 })
	_, _ = stranger.CloseNow(), bo.CloseNow()
	p.Signal(t)
	exampletest.ExpectClose(t, ada, websocket.StatusGoingAway)
	p.End(t)
}

// A page may have no name, and say nothing.
func TestRooms_EmptyLinesAreLines(t *testing.T) {
	p := exampletest.Start(t)
	nobody := enterRoom(t, p, "", "")
	hear(t, nobody, "a place", begins)
	say(t, nobody, "", "")
	hear(t, nobody, "an empty line", says(""))
	exampletest.Say(t, nobody, `{"ping":1}`)
	hear(t, nobody, "a pong", func(e event) bool { return e.Members == nil && e.At.Epoch == 0 })
	exampletest.Say(t, nobody, "no object")
	exampletest.ExpectClose(t, nobody, 4400)
	p.Stop(t)
}

func TestRooms_ListMembers(t *testing.T) {
	p := exampletest.Start(t)
	ada := enterRoom(t, p, "Ada", "")
	hear(t, ada, "a place", begins)
	bo := enterRoom(t, p, "Bo", "")
	both := func(e event) bool { return slices.Equal(e.Members, []string{"Ada", "Bo"}) }
	for e := (event{}); !both(e); {
		_ = json.Unmarshal([]byte(exampletest.Hear(t, ada)), &e)
	}
	_ = bo.CloseNow()
	for e := (event{}); !slices.Equal(e.Members, []string{"Ada"}); {
		_ = json.Unmarshal([]byte(exampletest.Hear(t, ada)), &e)
	}
	_ = ada.CloseNow()
	end := time.Now().Add(exampletest.Patience)
	for list := []string{"?"}; len(list) > 0; { // a newcomer gets the last list first, which is empty soon
		if time.Now().After(end) {
			t.Fatalf("%q are left", list)
		}
		eve := enterRoom(t, p, "Eve", "")
		var e event
		for e.Members == nil {
			e = event{}
			_ = json.Unmarshal([]byte(exampletest.Hear(t, eve)), &e)
		}
		list = e.Members
		_ = eve.CloseNow()
	}
	for _, no := range []string{"a.b", "members"} {
		exampletest.ExpectClose(t, exampletest.Dial(t, p.URL+"rooms?room="+no, nil), 4404)
	}
	p.Stop(t)
}
