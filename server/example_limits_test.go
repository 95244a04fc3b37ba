package server_test

import (
	"fmt"
	"strings"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/servertest"
)

// One server has a chat with 4 KiB a message and uploads with 100 MiB. A client that has not logged in
// has 64 bytes. The clients are on a simulated machine.
func ExampleHandshake_limits() {
	srv := &server.Server{Limits: server.Limits{Limits: conn.Limits{MaxMessageSize: 4 << 10}}}
	srv.Check = func(h *server.Handshake) error {
		switch h.Request.URL.Path {
		case "/upload":
			h.Limits = conn.Limits{MaxMessageSize: 100 << 20}
		case "/login":
			h.Value = "stranger"
			h.Limits = conn.Limits{MaxMessageSize: 64}
		}
		return nil
	}
	srv.OnMessage = func(c *conn.Conn, m conn.Message) {
		if m.String() == "open sesame" && c.Value() == "stranger" {
			c.SetValue("friend")
			_ = c.SetLimits(conn.Limits{}) // the server's, from the next message on
		}
		_ = c.SendText(fmt.Sprint(len(m.Payload), " bytes"))
	}

	sim := servertest.New(1, srv)
	for _, path := range []string{"/chat", "/upload", "/login"} {
		c := sim.Dial(path)
		c.SendText("open sesame")
		c.SendText(strings.Repeat("x", 4<<10))
		c.SendText(strings.Repeat("x", 10<<10))
		sim.Settle()
		fmt.Print(path, ":")
		for m, ok := c.Next(); ok; m, ok = c.Next() {
			fmt.Print(" ", m)
		}
		if _, closed := c.Closed(); closed {
			fmt.Print(", closed")
		}
		fmt.Println()
	}
	fmt.Println(sim.Close())
	// Output:
	// /chat: 11 bytes 4096 bytes, closed
	// /upload: 11 bytes 4096 bytes 10240 bytes
	// /login: 11 bytes 4096 bytes, closed
	// <nil>
}
