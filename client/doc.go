// Package client is a WebSocket client (RFC 6455) on event loops.
//
//	func main() {
//		c := &client.Client{
//			OnMessage: func(_ *conn.Conn, m conn.Message) { fmt.Println(m) },
//		}
//		defer c.Close()
//		ws, err := c.Dial(context.Background(), "wss://example.com/chat?room=1")
//		if err != nil {
//			log.Fatal(err)
//		}
//		ws.SendText("hello")
//		<-ws.Context().Done()
//	}
//
// A connection is a [conn.Conn], as a server has it: the same callbacks, the same limits, the same
// ways of sending. It lives on an event loop. So 10,000 connections take no goroutine while they are
// idle. One [Client] is for any number of connections and servers.
//
// # Reading
//
// A program may read instead of being called. Without OnMessage and OnStream messages wait for it, in a queue
// that is bounded:
//
//	for m, err := range ws.Messages(ctx) {
//		…
//	}
//
// [conn.Conn.Receive] waits for a single message. Read until the connection ends, or close it. While messages
// wait, or when the program has read some and stopped, the server's Close frame is not answered. The server then waits for
// its CloseTimeout.
//
// # Dialling
//
// Proxies, redirects and traces are net/http's, which makes the requests that need them. A Transport of the
// program's can be used. All other requests are made without a Transport, which takes less time and memory.
// Cookies, Basic authentication and client certificates work as in net/http either way. This package checks
// the answer by RFC 6455 4.1. Then the socket moves to an event loop, with TLS and with the bytes that have come behind the answer.
//
// The whole dial is bounded: by the context, by HandshakeTimeout, and by 8 KiB and 100 lines of the
// answer. A dial that fails leaves no goroutine and no socket, at whichever step its context ends.
//
// An answer other than 101 is a [HandshakeError] with its status, header and the first KiB of its body.
// An answer with 101 that breaks a rule is one too, and names the rule. All other failures are errors
// of packages net, crypto/tls and context, which errors.Is and errors.As find.
//
// Redirects are off by default. If MaxRedirects allows them, none leads from wss to ws, and
// Authorization and Cookie of the program stay with the host that they are for.
//
// # Proxies
//
// Without a Transport the proxies are those of the environment: HTTP_PROXY for ws, HTTPS_PROXY for wss,
// and NO_PROXY. They may be of HTTP, of HTTPS or of SOCKS5. An HTTP proxy is asked for a tunnel by
// CONNECT, for ws too (RFC 6455 4.1). RemoteAddr of a connection is the proxy's then.
//
// # Reconnecting
//
// [Reconnecting] keeps one logical connection: it dials again whenever the connection ends. Its delays are
// random, so that the clients of a server that restarts do not all come back at once.
//
//	r := &client.Reconnecting{Client: c, URL: "wss://example.com/feed", MaxWaiting: 64 << 10}
//	r.OnUp = func(ws *conn.Conn) { ws.SendText("subscribe") }
//	go r.Run(ctx)
//	r.Send(message) // now, or once there is a connection
//
// # Concurrency
//
// All methods are safe from any goroutine. Dial blocks, so it fails in a callback on an event loop.
// Callbacks run as on a server: on the loop, where they must not block, or on goroutines. See
// [conn.Dispatch].
//
// # Event loops
//
// A Client has one event loop of its own, or as many as Loops says. In a program that is a server too, such
// as a proxy, EventLoops has its connections on the loops of the server:
//
//	loops, err := srv.EventLoops() // of a *server.Server that has started
//	c := &client.Client{EventLoops: loops}
//
// # Memory
//
// The buffers of all connections share one budget, MaxBuffers. When it is nearly used up, the connections
// that hold most are closed. [Client.Stats] tells how much is lent. The default is for one Client in the
// process, and takes no account of servers in it.
//
// # Masking
//
// A client masks each frame, with a key of its own that nobody can guess (RFC 6455 5.3, 10.3). The
// payload is masked while it is copied into the queue. The program's payload stays as it is.
//
// # Shutdown
//
// [Client.Close] cuts all connections, and ends the loops if they are the client's own. [Client.Shutdown] first closes each with 1001
// and waits for the servers' answers.
package client
