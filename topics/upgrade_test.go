package topics

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/framerail/framerail/client"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/server"
)

// Connections of Upgrade and of a client are members like others, compressed or not.
func TestUpgrade_ConnectionsAreMembers(t *testing.T) {
	if err := (platform.Real{}).Supported(); err != nil {
		t.Skip(err)
	}
	for _, compressed := range []bool{false, true} {
		t.Run(fmt.Sprint("compressed=", compressed), func(t *testing.T) {
			var h Topics
			joined := make(chan error, 10)
			srv := &server.Server{Loops: 2, Logger: quiet, Deflate: server.Deflate{Enabled: compressed, ServerTakeover: compressed}}
			web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_ = srv.Upgrade(w, r, func(c *conn.Conn) {
					_, err := h.Subscribe(c, "all")
					joined <- err
				})
			}))
			defer web.Close()
			defer func() { _ = srv.Close() }()
			got := make(chan string, 10)
			clients := &client.Client{Logger: quiet, Deflate: client.Deflate{Enabled: compressed, ServerTakeover: compressed}}
			clients.OnMessage = func(_ *conn.Conn, m conn.Message) { got <- m.String() }
			defer func() { _ = clients.Close() }()
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			message := fmt.Sprintf("%0500d", 1)
			for range 3 {
				if _, err := clients.Dial(ctx, "ws"+web.URL[len("http"):]); err != nil {
					t.Fatal(err)
				}
				expect(t, "subscribe", <-joined, nil)
			}
			for range 2 {
				if _, err := h.Publish("all", text(message)); err != nil {
					t.Fatal(err)
				}
			}
			for range 6 {
				select {
				case s := <-got:
					expect(t, "message", s, message)
				case <-ctx.Done():
					t.Fatal("a message does not come")
				}
			}
		})
	}
}
