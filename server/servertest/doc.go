// Package servertest runs a server on a simulated machine: its sockets, its clock
// and its goroutines are played in one goroutine after the other, at random but by
// a seed. What happened with a seed happens with it again.
//
//	srv := &server.Server{OnMessage: echo}
//	sim := servertest.New(1, srv)
//	c := sim.Dial("/")
//	c.SendText("hello")
//	sim.Settle()             // until nothing is left to do
//	m, ok := c.Next()        // hello
//	sim.Advance(time.Hour)   // in microseconds
//	err := sim.Close()       // nothing is left behind, nothing was broken
//
// The server is the real one, whole: accepting, the opening handshake, loops, timers,
// callbacks on the loop or on goroutines, limits, shutdown. What is simulated are the
// network, readiness, and time, which stands still but when Advance, RunUntil or
// something that waits moves it. No descriptor and no port is used, and no event loop of
// the system's: it runs wherever Go does.
//
// # Faults
//
// The network keeps the order of bytes, and that is all it keeps: [Faults] has reads
// and writes cut short, sockets that are not ready when they were said to be,
// readiness that is none or is for a connection long gone, resets, peers that stall,
// accepts that fail. Clients are scripted: they can be slow, send what they like,
// stop reading, half-close and reset.
//
// # Concurrency
//
// A Sim and its clients are for one goroutine, which is the test's. Callbacks run
// while a method of Sim runs, and may use the server and its connections as ever.
// Callbacks on goroutines (conn.OnGoroutines, OnStream) are run in turns with
// everything else, and change places only where they wait for the connection: in
// Conn.SendWait, Reader.Read, Writer.ReadFrom, Shutdown. They must not wait for each other
// by other means than [Sim.Sleep] and [Sim.WaitFor]. A program that begins goroutines of
// its own begins them with [Sim.Go]; with the go statement they are real, may do what does not
// block, and a seed no longer replays exactly. What panics in a goroutine of [Sim.Go]
// comes out of the method of Sim that runs it, with its stack; panics in callbacks are
// the server's.
//
// # What is not simulated
//
// Server.Handler is net/http's and needs sockets: requests that are no handshake are
// refused as without one. Upgrade fails for the same reason, and RouteUpgrades is without
// effect: the server answers handshakes itself. Addr, ListenAndServe and Start are not used.
package servertest
