package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

func TestChatServesPageAndRoomOnOnePort(t *testing.T) {
	p := start(t, "chat", "--addr=127.0.0.1:0", "--node=one")
	for path, contentType := range map[string]string{
		"":        "text/html; charset=utf-8",
		"garden":  "text/html; charset=utf-8",
		"chat.js": "text/javascript; charset=utf-8",
	} {
		resp, err := http.Get(p.url + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != contentType {
			t.Errorf("/%s: %s, %s", path, resp.Status, resp.Header.Get("Content-Type"))
		}
	}

	ada, bo := dial(t, p.url+"socket"), dial(t, p.url+"socket")
	say(t, ada, `{"type":"join","room":"lobby","name":"Ada","key":"a"}`)
	hear(t, ada, `{"type":"welcome","name":"Ada","node":"one","from":"ypeBEsobvcr6wjGz","people":[{"name":"Ada","seat":0}],"position":"`)
	say(t, bo, `{"type":"join","room":"lobby","name":"Bo","key":"b"}`)
	hear(t, bo, `{"type":"welcome","name":"Bo","seat":1,"node":"one","from":"PiPoFgA5WUoziU9l","people":[{"name":"Ada","seat":0},{"name":"Bo","seat":1}]`)
	hear(t, ada, `{"type":"joined","name":"Bo","seat":1}`)
	say(t, ada, `{"type":"say","text":"Hello <b>Bo</b>","number":1}`)
	hear(t, bo, `{"type":"said","name":"Ada","node":"one","text":"Hello \u003cb\u003eBo\u003c/b\u003e","from":"ypeBEsobvcr6wjGz","number":1,"at":`)
	ada.Close(websocket.StatusNormalClosure, "")
	hear(t, bo, `{"type":"left","name":"Ada"}`)
	bo.Close(websocket.StatusNormalClosure, "")
	p.stop(t)
}

func TestChatRefusesBinary(t *testing.T) {
	p := start(t, "chat", "--addr=127.0.0.1:0")
	c := dial(t, p.url+"socket")
	if err := c.Write(within(t), websocket.MessageBinary, []byte(`{"type":"join","name":"Ada"}`)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Read(within(t)); websocket.CloseStatus(err) != websocket.StatusUnsupportedData {
		t.Errorf("binary: %v, want close code 1003", err)
	}
}

func TestChatRefusesOtherOrigins(t *testing.T) {
	p := start(t, "chat", "--addr=127.0.0.1:0")
	_, resp, err := websocket.Dial(within(t), p.url+"socket", &websocket.DialOptions{
		HTTPHeader: http.Header{"Origin": {"https://elsewhere.example"}},
	})
	if err == nil || resp == nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("page of another origin: %v, want 403", err)
	}
}

func say(t *testing.T, c *websocket.Conn, text string) {
	t.Helper()
	if err := c.Write(within(t), websocket.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// hear reads one message and fails the test unless it starts with text.
func hear(t *testing.T, c *websocket.Conn, text string) {
	t.Helper()
	_, got, err := c.Read(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(got), text) {
		t.Fatalf("got %s, want %s", got, text)
	}
}
