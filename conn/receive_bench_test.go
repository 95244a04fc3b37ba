package conn_test

import (
	"context"
	"testing"

	"github.com/framerail/framerail/client"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// One echo after another, by each way for a server to get its messages.
func BenchmarkEcho(b *testing.B) {
	back := func(c *conn.Conn, m conn.Message) { _ = c.SendMessage(m) }
	for _, way := range []struct {
		name string
		set  func(*server.Server)
	}{
		{"callback=loop", func(srv *server.Server) { srv.OnMessage = back }},
		{"callback=goroutines", func(srv *server.Server) { srv.OnMessage, srv.Dispatch = back, conn.OnGoroutines }},
		{"reading=OnConnection", func(srv *server.Server) {
			srv.Dispatch = conn.OnGoroutines
			srv.OnConnection = func(c *conn.Conn) { _ = echo(c, c.Messages(context.Background())) }
		}},
	} {
		b.Run(way.name, func(b *testing.B) {
			srv := &server.Server{Loops: 1}
			way.set(srv)
			url := serving(b, srv)
			heard := make(chan struct{}, 1)
			cl := &client.Client{OnMessage: func(*conn.Conn, conn.Message) { heard <- struct{}{} }}
			defer cl.Close()
			c, err := cl.Dial(b.Context(), url)
			if err != nil {
				b.Fatal(err)
			}
			payload := make([]byte, 20)
			b.SetBytes(int64(len(payload)))
			b.ReportAllocs()
			for b.Loop() {
				_ = c.SendBinary(payload)
				<-heard
			}
			_ = c.Close(1000, "")
		})
	}
}
