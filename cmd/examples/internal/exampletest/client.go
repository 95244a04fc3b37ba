package exampletest

import (
	"context"
	"testing"

	"github.com/coder/websocket"
)

// Within is a context that ends with the test, or when patience does.
func Within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	t.Cleanup(cancel)
	return ctx
}

// Dial connects to a URL of ws: or http:, until the test ends. The options may be nil.
func Dial(t *testing.T, url string, options *websocket.DialOptions) *websocket.Conn {
	t.Helper()
	c, _, err := websocket.Dial(Within(t), url, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.CloseNow() })
	c.SetReadLimit(-1)
	return c
}

// Say sends a text message.
func Say(t *testing.T, c *websocket.Conn, text string) {
	t.Helper()
	if err := c.Write(Within(t), websocket.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// Hear waits for a text message.
func Hear(t *testing.T, c *websocket.Conn) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience) // no Cleanup: some tests hear very much
	defer cancel()
	typ, payload, err := c.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if typ != websocket.MessageText {
		t.Fatalf("%v in place of text", typ)
	}
	return string(payload)
}

// Expect waits for a text message and fails the test if it is another.
func Expect(t *testing.T, c *websocket.Conn, text string) {
	t.Helper()
	if got := Hear(t, c); got != text {
		t.Fatalf("heard %q, want %q", got, text)
	}
}

// ExpectClose waits for the end of the connection, past messages that still come.
func ExpectClose(t *testing.T, c *websocket.Conn, code websocket.StatusCode) {
	t.Helper()
	ctx := Within(t)
	for {
		if _, _, err := c.Read(ctx); err != nil {
			if got := websocket.CloseStatus(err); got != code {
				t.Fatalf("the connection ended with %v, want close code %d", err, code)
			}
			return
		}
	}
}
