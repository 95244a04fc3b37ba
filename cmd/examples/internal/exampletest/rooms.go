package exampletest

import (
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/coder/websocket"
)

// Rooms holds an example to what all of those inside net/http do: a handshake at
// /rooms/{room} makes a connection that answers in the room's name, what is no handshake
// gets an answer of HTTP's, and a signal ends everything in order.
func Rooms(t *testing.T) {
	p := Start(t)
	for name, try := range map[string]struct {
		path, version string
		status        int
	}{
		"another version": {"rooms/blue", "8", http.StatusUpgradeRequired},
		"another path":    {"elsewhere", "13", http.StatusNotFound},
	} {
		if got := handshake(t, p.URL+try.path, try.version); got != try.status {
			t.Errorf("%s: status %d, want %d", name, got, try.status)
		}
	}

	var clients []*websocket.Conn
	for _, room := range []string{"blue", "red"} {
		c := Dial(t, p.URL+"rooms/"+room, nil)
		Say(t, c, "hello")
		Expect(t, c, room+": hello")
		clients = append(clients, c)
	}
	odd := Dial(t, p.URL+"rooms/%ff", nil) // a strict client fails on text that is not UTF-8
	Say(t, odd, "hello")
	if text := Hear(t, odd); !utf8.ValidString(text) || !strings.HasSuffix(text, ": hello") {
		t.Errorf("a room of another name answers %q", text)
	}
	if err := odd.Write(Within(t), websocket.MessageBinary, []byte{0xff}); err != nil {
		t.Fatal(err)
	}
	ExpectClose(t, odd, websocket.StatusUnsupportedData)

	p.Signal(t)
	for _, c := range clients {
		ExpectClose(t, c, websocket.StatusGoingAway)
	}
	p.End(t)
}

// handshake asks for a WebSocket of that version, and returns the status of the answer.
func handshake(t *testing.T, url, version string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(Within(t), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Accept-Encoding": "gzip", // which some middleware wraps the answer for
		"Sec-WebSocket-Version": version, "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
	} {
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return answer.StatusCode
}
