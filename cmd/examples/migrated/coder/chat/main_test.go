package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/framerail/framerail/cmd/examples/internal/exampletest"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

func TestChatPublishes(t *testing.T) {
	p := exampletest.Start(t)
	base := "http" + strings.TrimPrefix(p.URL, "ws")
	defer http.DefaultClient.CloseIdleConnections()
	publish := func(text string) int {
		t.Helper()
		answer, err := http.Post(base+"publish", "text/plain", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		return answer.StatusCode
	}
	ada := exampletest.Dial(t, p.URL+"subscribe", nil)
	bo := exampletest.Dial(t, p.URL+"subscribe", nil)
	if got := publish("hello"); got != http.StatusAccepted {
		t.Errorf("status %d", got)
	}
	exampletest.Expect(t, ada, "hello")
	exampletest.Expect(t, bo, "hello")
	if got := publish(strings.Repeat("x", 9<<10)); got != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d for a long message", got)
	}
	exampletest.Say(t, bo, "me too")
	exampletest.ExpectClose(t, bo, websocket.StatusPolicyViolation)
	publish("still here")
	exampletest.Expect(t, ada, "still here")
	p.Signal(t)
	exampletest.ExpectClose(t, ada, websocket.StatusGoingAway)
	p.End(t)
}
