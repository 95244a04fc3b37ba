// Package servertest runs a whole server on a simulated machine, for tests. The machine's
// sockets, clock and goroutines are simulated, at random but from a seed. The same seed
// gives the same course again.
//
//	srv := &server.Server{OnMessage: echo}
//	sim := servertest.New(1, srv) // 1 is the seed
//	c := sim.Dial("/")
//	c.SendText("hello")
//	sim.Settle()           // until nothing is left to do
//	m, ok := c.Next()      // hello
//	sim.Advance(time.Hour) // takes microseconds
//	err := sim.Close()     // reports what is left behind, or broken
//
// The server is the real one: accepting, the opening handshake, loops, timers, callbacks
// on the loop or on goroutines, limits, and shutdown. The network, readiness and time are
// simulated. Time stands still unless Advance, RunUntil or a call that waits moves it. No
// descriptor, port or event loop of the system is used, so this runs wherever Go does.
//
// # Faults
//
// The network keeps the order of bytes. It promises nothing else. [Faults] can cut reads and
// writes short, make sockets not ready after all, report readiness falsely or for
// connections that are gone, reset connections, stall peers, and fail accepts. Clients are
// scripted: they can be slow, send anything, stop reading, half-close and reset.
//
// # Clients of package client
//
// A client.Client dials on the machine if its Transport is [Sim.Transport]. Dial, Close and Shutdown wait for the
// machine, so call them in a function of [Sim.Go]. Close the client before the Sim.
//
// [Sim.Restart] puts another server in the place of one that was shut down. So a test sees how clients come back:
// 10,000 of client.Reconnecting take a few seconds.
//
// # Concurrency
//
// Use a Sim and its clients from one goroutine, the test's. Callbacks run while a method of
// Sim runs. They may use the server and its connections as usual.
//
// Callbacks on goroutines (conn.OnGoroutines, OnStream) take turns with everything else. They
// change places only where they wait for the connection: in Conn.SendWait, Conn.Receive, a loop
// over Conn.Messages, Reader.Read, Writer.ReadFrom, Writer.CopyFrom and Shutdown. To wait for each other they use [Sim.Sleep] and
// [Sim.WaitFor], and nothing else.
//
// # What is simulated of your program
//
// Nothing: the server's sockets, clock and goroutines are simulated, the program's are not.
// time.Now, time.AfterFunc, time.Sleep, channels, locks and the go statement stay real. So use
// [conn.Conn.AfterFunc] for what happens later. Use a mutex that is held briefly, or
// [conn.Conn.Do], for what callbacks share. A hub, which is a goroutine that owns the clients
// and gets messages through channels, cannot be simulated.
//
// [Sim.Go] runs a function beside the callbacks, in turns with them. A goroutine of the go
// statement runs at any time, so a seed no longer replays exactly.
//
// A callback, or a function of Sim.Go, that is blocked for 10 s of real time ends the test with a
// panic that has its stack. A panic in a function of Sim.Go comes out of the method of Sim that
// runs it, with its stack. The server handles panics in callbacks.
//
// # What is not simulated
//
// Server.Handler needs net/http and so real sockets. Requests that are no handshake are
// refused, as without a Handler. Upgrade fails for the same reason. RouteUpgrades has no
// effect: the server answers handshakes itself. Addr, ListenAndServe and Start are not used.
package servertest
