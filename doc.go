// Package framerail is the front door of a WebSocket server engine (RFC 6455, RFC 7692). It
// has no code of its own. Import what you need:
//
//   - [github.com/framerail/framerail/server] listens, does the handshakes, and runs the event
//     loops. Most programs begin with a server.Server and its callbacks.
//   - [github.com/framerail/framerail/conn] is one connection: sending, closing, limits, and
//     what callbacks are given.
//   - [github.com/framerail/framerail/server/servertest] runs a server on a simulated network and
//     clock, for the tests of programs.
//   - [github.com/framerail/framerail/server/promstats] gives the server's counters to
//     Prometheus. It is a module of its own.
//   - [github.com/framerail/framerail/frame] reads and writes frames, for programs with sockets
//     of their own, and [github.com/framerail/framerail/frame/deflate] compresses messages.
//   - [github.com/framerail/framerail/mask] masks payloads, and
//     [github.com/framerail/framerail/poller] tells which sockets are ready.
//
// A server that sends back what it is sent:
//
//	srv := &server.Server{Addr: ":9001"}
//	srv.OnMessage = func(c *conn.Conn, m conn.Message) { c.SendMessage(m) }
//	log.Fatal(srv.ListenAndServe())
package framerail
