package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/framerail/framerail/cmd/examples/internal/exampletest"
	"github.com/framerail/framerail/topics"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

func device(t *testing.T, p *exampletest.Program, user string, since topics.Position) *websocket.Conn {
	t.Helper()
	query := url.Values{"user": {user}}
	if since != (topics.Position{}) {
		query.Set("since", since.String())
	}
	return exampletest.Dial(t, p.URL+"devices?"+query.Encode(), nil)
}

// begins waits until a device is told to begin anew.
func begins(t *testing.T, c *websocket.Conn) {
	t.Helper()
	var e event
	if err := json.Unmarshal([]byte(exampletest.Hear(t, c)), &e); err != nil || e != (event{New: true}) {
		t.Fatalf("heard %+v, %v, want that it begins anew", e, err)
	}
}

// hear waits for an event with that text.
func hear(t *testing.T, c *websocket.Conn, text string) (e event) {
	t.Helper()
	if err := json.Unmarshal([]byte(exampletest.Hear(t, c)), &e); err != nil {
		t.Fatal(err)
	}
	if e.Text != text || e.At == (topics.Position{}) {
		t.Fatalf("heard %+v, want %q", e, text)
	}
	return e
}

func notify(t *testing.T, p *exampletest.Program, user, text string) int {
	t.Helper()
	answer, err := http.Post(p.URL+"notify?"+url.Values{"user": {user}}.Encode(), "text/plain", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

func TestNotify_ReachesAllDevicesOfOneUser(t *testing.T) {
	p := exampletest.Start(t)
	phone, laptop := device(t, p, "ada", topics.Position{}), device(t, p, "ada", topics.Position{})
	other := device(t, p, "bo", topics.Position{})
	for _, c := range []*websocket.Conn{phone, laptop, other} {
		begins(t, c)
		hear(t, c, "") // where
	}
	notify(t, p, "ada", "one")
	notify(t, p, "bo", "for Bo")
	hear(t, phone, "one")
	at := hear(t, laptop, "one").At
	hear(t, other, "for Bo")

	// What is seen on one is gone on the others, also on one that was away.
	_ = phone.CloseNow()
	exampletest.Say(t, laptop, at.String())
	if e := hear(t, laptop, ""); e.Seen != at {
		t.Errorf("seen %+v, want %v", e, at)
	}
	notify(t, p, "ada", "two")
	hear(t, laptop, "two")
	phone = device(t, p, "ada", at)
	if e := hear(t, phone, ""); e.Seen != at {
		t.Errorf("seen %+v, want %v", e, at)
	}
	hear(t, phone, "two")

	// A new device gets what is kept, and then what comes.
	tablet := device(t, p, "ada", topics.Position{})
	begins(t, tablet)
	for _, text := range []string{"one", "", "two", ""} {
		hear(t, tablet, text)
	}
	for _, text := range []string{"three", ""} {
		notify(t, p, "ada", text)
		for _, c := range []*websocket.Conn{phone, laptop, tablet} {
			hear(t, c, text)
		}
	}

	// One that was away for too long forgets what it has, because something of that may have been seen since.
	watch := device(t, p, "ada", topics.Position{Epoch: 1, Offset: 1})
	begins(t, watch)
	for _, text := range []string{"one", "", "two", "three", "", ""} {
		hear(t, watch, text)
	}
	_, _, _, _ = phone.CloseNow(), laptop.CloseNow(), tablet.CloseNow(), watch.CloseNow()
	_ = other.CloseNow()
	http.DefaultClient.CloseIdleConnections()
	p.Stop(t)
}

func TestNotify_RefusesWhatIsNoUser(t *testing.T) {
	p := exampletest.Start(t)
	for _, user := range []string{"", "a.b"} {
		if status := notify(t, p, user, "hello"); status != http.StatusBadRequest {
			t.Errorf("user %q: status %d, want 400", user, status)
		}
		exampletest.ExpectClose(t, device(t, p, user, topics.Position{}), 4404)
	}
	if status := notify(t, p, "*", "hello"); status != http.StatusOK { // a user as any other
		t.Errorf("status %d, want 200", status)
	}
	http.DefaultClient.CloseIdleConnections()
	p.Stop(t)
}
