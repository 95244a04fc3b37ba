package servertest

import (
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// No method of a Conn calls a callback, so a program may take a lock in its callbacks that it holds
// while it sends. Otherwise this would end in a deadlock.
func TestConn_MethodsCallNoCallback(t *testing.T) {
	for _, dispatch := range []conn.Dispatch{conn.OnLoop, conn.OnGoroutines, conn.Adaptive} {
		for name, end := range map[string]func(*conn.Conn){
			"overflow": func(c *conn.Conn) {
				for range 100 {
					_ = c.SendBinary(make([]byte, 100<<10))
				}
			},
			"abort": (*conn.Conn).Abort,
			"close": func(c *conn.Conn) { _ = c.Close(1000, "") },
			"do":    func(c *conn.Conn) { _ = c.Do(func(c *conn.Conn) { c.Abort() }) },
		} {
			t.Run(name, func(t *testing.T) {
				var mu sync.Mutex
				closed := 0
				srv := &server.Server{Dispatch: dispatch}
				srv.OnMessage = func(*conn.Conn, conn.Message) {
					mu.Lock()
					defer mu.Unlock()
					for c := range srv.Clients() {
						end(c)
					}
				}
				srv.OnClose = func(*conn.Conn, conn.CloseInfo) {
					mu.Lock()
					defer mu.Unlock()
					closed++
				}
				sim := simulate(t, 1, srv)
				sim.Dial("/").Pause()
				speaker := sim.Dial("/")
				speaker.Pause()
				speaker.SendText("x")
				sim.Advance(2 * time.Minute)
				if closed != 2 {
					t.Errorf("%d of 2 connections were closed", closed)
				}
			})
		}
	}
}
