// Package routers shows WebSockets at a path with a wildcard, in services of the standard
// mux, chi, gin and echo: a handler calls Upgrade, and the connection leaves the router.
//
// A router may take its own things back when the handler returns, as chi, gin and echo take
// back their contexts, so each handler reads what it wants to know of them before Upgrade.
package routers

import (
	"github.com/framerail/framerail/conn"
)

// answerAs has a connection answer in a room's name.
func answerAs(room string) func(*conn.Conn) {
	return func(c *conn.Conn) {
		c.OnMessage(func(c *conn.Conn, m conn.Message) {
			_ = c.SendText(room + ": " + m.String()) // one that fails is closing
		})
	}
}
