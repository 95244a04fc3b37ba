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

// Connections of Upgrade and of a client are members like others, compressed or not, whatever becomes of messages for which there is no
// room. Both ends of each connection are members here.
func TestUpgrade_ConnectionsAreMembers(t *testing.T) {
	if err := (platform.Real{}).Supported(); err != nil {
		t.Skip(err)
	}
	for _, compressed := range []bool{false, true} {
		for _, policy := range []conn.Overflow{conn.OverflowClose, conn.OverflowDropOldest} {
			t.Run(fmt.Sprintf("compressed=%v/%v", compressed, policy), func(t *testing.T) {
				var h Topics
				joined, got := make(chan error, 10), make(chan string, 20)
				receive := func(_ *conn.Conn, m conn.Message) { got <- m.String() }
				srv := &server.Server{Loops: 2, Logger: quiet, Overflow: policy, OnMessage: receive}
				srv.Deflate = server.Deflate{Enabled: compressed, ServerTakeover: compressed, ClientTakeover: compressed}
				web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_ = srv.Upgrade(w, r, func(c *conn.Conn) {
						_, err := h.Subscribe(c, "all")
						joined <- err
					})
				}))
				defer web.Close()
				defer func() { _ = srv.Close() }()
				clients := &client.Client{Logger: quiet, Overflow: policy, OnMessage: receive}
				clients.Deflate = client.Deflate{Enabled: compressed, ServerTakeover: compressed, ClientTakeover: compressed}
				defer func() { _ = clients.Close() }()
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				defer cancel()
				for range 3 {
					c, err := clients.Dial(ctx, "ws"+web.URL[len("http"):])
					if err != nil {
						t.Fatal(err)
					}
					expect(t, "subscribe", <-joined, nil)
					_, err = h.Subscribe(c, "all")
					expect(t, "subscribe", err, nil)
				}
				message := fmt.Sprintf("%0500d", 1)
				for range 2 {
					if _, err := h.Publish("all", text(message)); err != nil {
						t.Fatal(err)
					}
				}
				for range 12 {
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
}
