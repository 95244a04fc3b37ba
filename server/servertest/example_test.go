package servertest_test

import (
	"fmt"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
	"github.com/framerail/framerail/server/servertest"
)

// A room in which every message goes to all, tested with two clients, one of whom
// stops reading. The minutes take microseconds, and another seed plays the same in
// another order.
func Example() {
	srv := &server.Server{}
	srv.OnMessage = func(c *conn.Conn, m conn.Message) {
		_ = c.Send(m.Type, m.Payload)
		for other := range srv.Clients() {
			if other != c {
				_ = other.Send(m.Type, m.Payload)
			}
		}
	}
	srv.OnClose = func(c *conn.Conn, info conn.CloseInfo) { fmt.Println("closed:", info.Err) }

	sim := servertest.New(1, srv)
	sim.Faults = servertest.Faults{Cuts: 0.5, ShortReads: 0.5, Spurious: 0.1}
	ann, bob := sim.Dial("/room"), sim.Dial("/room")
	sim.Settle()
	ann.SendText("hello")
	sim.Settle()
	m, _ := bob.Next()
	fmt.Println("bob reads:", m)

	bob.Pause()
	sim.Advance(10 * time.Minute)
	fmt.Println("ann was pinged:", ann.Pings() > 0)

	if err := sim.Close(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// bob reads: hello
	// closed: framerail: peer was silent for the idle timeout
	// ann was pinged: true
	// closed: framerail: server closed
}
