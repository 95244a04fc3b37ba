package main

import (
	"strings"
	"testing"

	"github.com/framerail/framerail/client"
	"github.com/framerail/framerail/cmd/examples/internal/exampletest"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

// framerail's own client gets through nginx, plain and over TLS: messages, pings and close codes.
func TestOwnClientGetsThrough(t *testing.T) {
	needNginx(t)
	p := exampletest.Start(t)
	secureURL, trusting := startSecureNginx(t, p.URL)
	for name, url := range map[string]string{"plain": startNginx(t, p.URL), "TLS": secureURL} {
		t.Run(name, func(t *testing.T) {
			got, end := make(chan string, 10), make(chan conn.CloseInfo, 1)
			c := &client.Client{
				TLSConfig: trusting,
				OnMessage: func(_ *conn.Conn, m conn.Message) { got <- m.String() },
				OnPong:    func(_ *conn.Conn, p []byte) { got <- "pong " + string(p) },
				OnClose:   func(_ *conn.Conn, i conn.CloseInfo) { end <- i },
			}
			defer c.Close()
			ws, err := c.Dial(exampletest.Within(t), url)
			if err != nil {
				t.Fatal(err)
			}
			if s := <-got; s != "you are 127.0.0.1" {
				t.Errorf("got %q", s)
			}
			for _, text := range []string{"", "hello", strings.Repeat("long", 50_000)} {
				if err := ws.SendText(text); err != nil {
					t.Fatal(err)
				}
				if s := <-got; s != text {
					t.Errorf("%d bytes came back as %d", len(text), len(s))
				}
			}
			_ = ws.Ping([]byte("1"))
			if s := <-got; s != "pong 1" {
				t.Errorf("got %q", s)
			}
			_ = ws.Close(frame.CloseCode(4001), "enough")
			if i := <-end; !i.Clean() || i.Received != 4001 {
				t.Errorf("it ended with %v", i)
			}
		})
	}
}
