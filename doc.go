// Package framerail is the front door of a WebSocket engine for servers and clients (RFC
// 6455, RFC 7692). It has no code of its own. This server sends every message back:
//
//	srv := &server.Server{Addr: ":9001"}
//	srv.OnMessage = func(c *conn.Conn, m conn.Message) { c.SendMessage(m) }
//	log.Fatal(srv.ListenAndServe())
//
// A client has the same connections and callbacks:
//
//	cl := &client.Client{OnMessage: func(_ *conn.Conn, m conn.Message) { log.Print(m) }}
//	ws, err := cl.Dial(ctx, "ws://127.0.0.1:9001/")
//
// A topic sends a message to many. With a Broker its members are on several processes:
//
//	rooms := &topics.Topics{Broker: &nats.Broker{URL: "nats://10.0.0.5:4222"}}
//	rooms.Subscribe(c, "lobby") // in OnConnection
//	rooms.Publish("lobby", m)   // anywhere
//
// Most programs import two packages:
//
//   - [github.com/framerail/framerail/server] listens, does the handshakes, and runs the event
//     loops.
//
//   - [github.com/framerail/framerail/conn] is one connection: sending, closing, limits, and
//     the arguments of callbacks.
//
// Some import these:
//
//   - [github.com/framerail/framerail/client] dials servers. Its connections have the same
//     callbacks and limits, on event loops too.
//
//   - [github.com/framerail/framerail/topics] sends messages to many connections, and gives
//     clients that come back what they missed.
//
//   - [github.com/framerail/framerail/topics/nats] makes the topics of several processes one, by way
//     of NATS. It is a module of its own, as is its package embedded, a NATS server.
//
//   - [github.com/framerail/framerail/topics/redis] makes the topics of several processes one, by way
//     of Redis or Valkey. It is a module of its own.
//
//   - [github.com/framerail/framerail/topics/brokertest] checks a broker of your own, and has one in
//     memory for tests.
//
//   - [github.com/framerail/framerail/conn/wsjson] sends and receives JSON values.
//
//   - [github.com/framerail/framerail/server/xconnect] has net/http accept WebSockets over HTTP/2.
//
//   - [github.com/framerail/framerail/server/servertest] runs a server on a simulated network
//     and clock, for tests.
//
//   - [github.com/framerail/framerail/server/promstats] gives the server's counters to
//     Prometheus. It is a module of its own.
//
//   - [github.com/framerail/framerail/frame] reads and writes frames, for programs with sockets
//     of their own.
//
//   - [github.com/framerail/framerail/frame/deflate] compresses messages.
//
//   - [github.com/framerail/framerail/mask] masks payloads.
//
//   - [github.com/framerail/framerail/poller] reports which sockets are ready.
//
// README.md has a program with a page to try, and docs/guide.md has the next steps.
package framerail
