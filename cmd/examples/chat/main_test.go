package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/framerail/framerail/cmd/examples/internal/exampletest"
)

func TestMain(m *testing.M) { exampletest.Main(m, main) }

func TestChatTellsEveryone(t *testing.T) {
	p := exampletest.Start(t)
	ada := exampletest.Dial(t, p.URL+"chat?name=Ada", nil)
	exampletest.Say(t, ada, "anyone?") // its answer tells that she is in the room
	exampletest.Expect(t, ada, "Ada: anyone?")

	bo := exampletest.Dial(t, p.URL+"chat?name=Bo", nil)
	exampletest.Expect(t, ada, "Bo joined")
	exampletest.Say(t, bo, "hello Ada")
	exampletest.Expect(t, ada, "Bo: hello Ada")
	exampletest.Expect(t, bo, "Bo: hello Ada")
	if err := bo.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
	exampletest.Expect(t, ada, "Bo left")

	p.Signal(t)
	exampletest.ExpectClose(t, ada, websocket.StatusGoingAway)
	p.End(t)
}

// One visitor does not end the others' connections with a name, or a message, that is no text.
func TestChatOutlivesWhatIsNoText(t *testing.T) {
	p := exampletest.Start(t)
	ada := exampletest.Dial(t, p.URL+"chat?name=Ada", nil)
	exampletest.Say(t, ada, "anyone?")
	exampletest.Expect(t, ada, "Ada: anyone?")

	bad := exampletest.Dial(t, p.URL+"chat?name=%ff", nil)
	exampletest.Expect(t, ada, "? joined")
	if err := bad.Write(exampletest.Within(t), websocket.MessageBinary, []byte{0xff}); err != nil {
		t.Fatal(err)
	}
	exampletest.Expect(t, ada, "? left")
	exampletest.ExpectClose(t, bad, websocket.StatusUnsupportedData)

	p.Signal(t)
	exampletest.ExpectClose(t, ada, websocket.StatusGoingAway)
	p.End(t)
}

func TestChatServesItsPage(t *testing.T) {
	p := exampletest.Start(t)
	answer, err := http.Get(p.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(page), "new WebSocket") {
		t.Errorf("got %s, %v:\n%s", answer.Status, err, page)
	}
	http.DefaultClient.CloseIdleConnections()
	p.Stop(t)
}
