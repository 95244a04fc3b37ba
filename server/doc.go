// Package server is a WebSocket server (RFC 6455) on event loops, shaped like
// net/http's.
//
//	srv := &server.Server{Addr: ":9001"}
//	srv.OnConnection = func(c *conn.Conn) { // its handshake is done
//		for other := range srv.Clients() { // all except c, until this returns
//			other.SendText("somebody joined")
//		}
//	}
//	srv.OnMessage = func(c *conn.Conn, m conn.Message) {
//		c.SendMessage(m)
//	}
//	log.Fatal(srv.ListenAndServe())
//
// Set callbacks on the server, or in OnConnection for one connection. Package [conn] has
// the methods of a connection. [Server.Start] serves in the background: when it returns,
// the address is known.
//
// # Concurrency
//
// All methods of Server may be called from any goroutine, callbacks included.
//
// A loop is a goroutine that owns its connections from accept to close. A new connection
// goes to the loop with the fewest. Callbacks of one connection never run at the same time.
// They come in order: OnConnection, then messages and control frames as they arrived, then
// OnClose exactly once. Callbacks of different connections do run at the same time.
//
// By default (Dispatch [conn.OnLoop]) callbacks run on the loop and must not block, because
// the loop's other connections wait for them. A mutex that is held briefly is fine. I/O, a
// channel send and time.Sleep are not. With [conn.OnGoroutines] callbacks may block, behind a
// bounded queue. With [conn.Adaptive] they may block too, and OnMessage runs on the loop while it
// returns soon. OnStream always runs on a goroutine. Check runs where CheckDispatch says.
//
// [conn.Conn.Do] and [conn.Conn.AfterFunc] run the program's functions in the order of a
// connection's callbacks, from any goroutine.
//
// If a callback panics, its connection closes with 1011 (Internal Error), and the stack is
// logged. If a callback ends its goroutine, by runtime.Goexit or a test's FailNow, the same
// happens. Other connections do not notice.
//
// # Memory
//
// Every []byte given to a callback is valid until the callback returns; copy to keep.
//
// An idle connection has no goroutine, no buffer and no runtime timer. Echoing a message
// allocates nothing. A request that arrives in pieces is held in a buffer that grows with
// the bytes received. The request is kept only if OnConnection asks for it with
// [conn.Conn.Request].
//
// # Limits
//
// The zero value of every option is safe on the internet. The fields of [Server] and
// [Limits] have the defaults.
//
// Connections are counted in all and by address. An IPv6 network of 64 bits is one address.
// A connection beyond these limits gets an HTTP answer, 503 or 429. If too many of them
// are being answered, the others are closed. Handshakes that come faster than
// HandshakesPerSecond wait, and addresses take turns. Behind a proxy every connection has the
// proxy's address, unless [Proxies] names the proxy.
//
// The buffers of all connections share one budget, MaxBuffers. When it is nearly used up, new
// handshakes are refused. Then the connections that hold most are closed with 1013 (Try Again
// Later). When it is used up, messages in progress wait until those have closed. Handshakes
// that are not done hold a quarter of the budget at most, and are refused first.
//
// One connection may have limits of its own. Check sets them in [Handshake].Limits, for an
// endpoint or a user. [conn.Conn.SetLimits] sets them in the function given to Upgrade, or
// changes them later, after a login for instance. A zero field means the server's limit.
//
// A message may be received up to MaxMessageSize, and sent up to MaxPending. A server that
// sends on what it receives needs the second above the first. The log warns at the start if it
// is not, unless the program has set both, or OnStream.
//
// A program may have several Servers. Each has its own loops and limits. So divide
// MaxConnections and MaxBuffers among them: the defaults are for one Server in the process.
//
// When the process runs out of descriptors, accepting pauses and tries again. Open
// connections go on.
//
// # Refusals
//
// A handshake that is refused gets a status and a line of text:
//
//   - 400: the request is malformed, or two readers could read it in two ways.
//   - 403: the origin rule or Check refused.
//   - 404: the path is not Path. 405: the method is not GET.
//   - 408: the request is late.
//   - 417: it expects more than 100-continue.
//   - 426: it asks for no WebSocket, or for a version other than 13.
//   - 429: too many connections from one address.
//   - 431: the request is too long.
//   - 500: Check panicked, or its answer cannot be sent.
//   - 501: a transfer coding other than chunked. 505: not HTTP/1.x.
//   - 503: too many connections in all, too little memory, too many Checks, a Check that is
//     late, or a server that shuts down.
//
// Check may refuse with any other status, header and body: see [Refusal].
//
// # Listening
//
// Serve and ServeTLS may be called for several listeners at once, TCP and unix sockets mixed.
// Shutdown and Close end them all. [ActivatedListeners] returns the sockets that systemd has
// opened for the process. [ListenReusePort] opens several sockets on one port. [Server.TCP] has
// the options of TCP sockets.
//
// # Checking handshakes
//
// [Server.Check] sees the request of each handshake that the server would accept, with its
// cookies and header. It may choose the subprotocol and add to the answer's header. It refuses
// by returning an error. By default it runs on the loop. With CheckDispatch [conn.OnGoroutines]
// it may ask a database or another service, with the context of the request:
//
//	srv.CheckDispatch = conn.OnGoroutines
//	srv.Check = func(h *server.Handshake) error {
//		cookie, err := h.Request.Cookie("session")
//		if err != nil {
//			return &server.Refusal{Status: http.StatusUnauthorized}
//		}
//		user, err := sessions.Verify(h.Request.Context(), cookie.Value)
//		if err != nil {
//			return err // 403
//		}
//		h.Value = user // c.Value() from OnConnection on
//		return nil
//	}
//
// MaxChecks Checks run at once, and four times as many wait. CheckTimeout bounds waiting and
// running together. Beyond either limit the client gets 503. The context ends with CheckTimeout, when the client leaves, and
// when the server ends.
//
// The server sees a client leave if the client has sent at most 4 KiB behind its request. These
// bytes are kept for the connection. If there are more, nothing is read from the client until
// Check has decided. RFC 6455 4.1 forbids clients to send anything there. In Upgrade, net/http
// sees clients leave that have sent nothing.
//
// # Seeing what goes on
//
// [Server.Stats] is a snapshot of counters and gauges, for the server and for each loop. It can be
// marshalled as JSON, so package expvar needs only this:
//
//	expvar.Publish("framerail", expvar.Func(func() any { return srv.Stats() }))
//
// The server does not do that itself, because importing expvar adds a page to
// [net/http.DefaultServeMux]. The module server/promstats has a collector for Prometheus.
//
// A callback that holds a loop for longer than SlowCallback is counted, and logged with its
// stack while it still runs.
//
// The Logger gets one line for each notable event: a refused handshake, a connection that
// fails, a panic, a pause of accepting. Events of one kind get ten lines at once. After that
// one line a second says how many more there were, so no client can fill a disk. No line
// has a payload in it. Messages that go well cause no line.
//
// # Shutdown
//
// [Server.Shutdown] stops accepting. It sends each client its pending messages and a Close frame
// with 1001 (Going Away), and waits for the answers and the close callbacks. A client that has
// not answered after CloseTimeout, 5 s by default, is cut. So is everyone who is left when the
// context is done. Shutdown returns how many connections closed cleanly, how many were forced,
// and how many bytes were lost. [Server.Leaving] spreads the closing over a time, so that not all clients come back at once.
//
//	running, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
//	if err := srv.Start(); err != nil {
//		log.Fatal(err)
//	}
//	<-running.Done() // until Ctrl-C or SIGTERM
//	stop()           // a second signal ends the program at once
//
//	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
//	defer cancel()
//	drained, err := srv.Shutdown(ctx)
//	log.Printf("%d clean, %d forced, %d bytes lost: %v", drained.Clean, drained.Forced, drained.Lost, err)
//
// Messages that were read are still given to OnMessage. A client that has been accepted, but
// has not sent its request, has two seconds to send it. It is then opened, and closed with 1001
// too.
//
// [Server.Close] cuts at once. Afterwards, connections that Upgrade could not move have some
// seconds to send their pending bytes.
//
// When either returns, the address is free and no descriptor is held. A server cannot be
// started again: make another.
//
// # Restart
//
// A new process can take over the listening sockets, so that no client is refused. The kernel
// keeps new connections in the socket's queue until one of the processes accepts them. The old
// process starts the new one with [Server.ListenerFiles], waits until it is ready, and drains:
//
//	files, err := srv.ListenerFiles()
//	if err != nil {
//		return err
//	}
//	ready, tell, err := os.Pipe()
//	if err != nil {
//		return err
//	}
//	next := exec.Command(os.Args[0], "--inherit")
//	next.Stdout, next.Stderr = os.Stdout, os.Stderr
//	next.ExtraFiles = append([]*os.File{tell}, files...) // descriptors 3, 4 and so on
//	err = next.Start()
//	for _, f := range next.ExtraFiles {
//		f.Close()
//	}
//	if err != nil {
//		return err // the old process goes on
//	}
//	if _, err := ready.Read(make([]byte, 1)); err != nil {
//		return err // the new process has died, the old one goes on
//	}
//	drained, err := srv.Shutdown(ctx)
//
// The new process serves the socket that it has inherited:
//
//	f := os.NewFile(4, "listener")
//	ln, err := net.FileListener(f)
//	if err != nil {
//		return err
//	}
//	f.Close() // or the socket stays open after Shutdown
//	go srv.Serve(ln) // from now on new connections are in its queue
//	tell := os.NewFile(3, "ready")
//	tell.Write([]byte{1})
//	tell.Close()
//
// The path of a unix socket then stays when the last server ends. To have it removed, call
// SetUnlinkOnClose(true) on its listener.
//
// # Origin
//
// A browser lets any page connect to any server, with the cookies of its user. It sends the
// page's origin in the field Origin (RFC 6455 10.2). A request with Origin is accepted only if
// Origin names the host that the request is for. OriginPatterns allow others. Behind a proxy
// that rewrites Host, name your site there. A request without Origin comes from a program that
// is no browser, and is accepted.
//
// Check runs after this rule and can only refuse more. To decide alone in Check, set
// OriginPatterns to "*", and look at h.Request.Header.Get("Origin").
//
// # Proxies
//
// By default the peer of a connection is the client. [Server.Proxies] names the proxies that the
// server believes about a client's address. Some proxies begin each connection with a header of
// the PROXY protocol. Others write the address into X-Forwarded-For, Forwarded (RFC 7239) or
// another field. [conn.Conn.RemoteAddr] is then the client's address. So is the address in a
// request, in the log, and for the limits by address. [conn.Conn.PeerAddr] is the proxy's. A
// server behind HAProxy, and a fleet of nginx:
//
//	srv.Proxies.Protocol.Networks = []netip.Prefix{netip.MustParsePrefix("10.0.1.7/32")}
//	srv.Proxies.Forwarded.Networks = []netip.Prefix{netip.MustParsePrefix("10.0.2.0/24")}
//
// List only proxies, and only a field that these proxies write. Other peers could claim any
// address. For an [http.Server] whose handlers call Upgrade, [ProxyListener] reads the PROXY
// protocol.
//
// # Compression
//
// [Server.Deflate] accepts permessage-deflate (RFC 7692). It is off by default, because it costs
// several times the CPU of plain messages. It pays where the network is slow or expensive.
// Without context takeover a connection keeps no memory for it between messages.
//
// A compressed message can inflate to a thousand times its length. So the work is bounded twice:
// in one turn of a connection, and by Limits.CompressionPerSecond in a second.
//
// # TLS
//
// [Server.ListenAndServeTLS], [Server.ServeTLS] and [Server.StartTLS] serve over TLS, with
// crypto/tls and on the event loops. TLSConfig may have certificates that change while the server
// runs (GetCertificate), and ask for client certificates. Resumption works, with TLS 1.2 and 1.3.
// Check finds the state of TLS in its Request, and callbacks find it in [conn.Conn.TLS].
//
// A handshake runs on a goroutine of its own, once the client's first record has arrived.
// MaxTLSHandshakes run at once, each within HandshakeTimeout. TLSConfig's callbacks may block
// there. While other handshakes wait, a client that stalls its own for a fifth of
// HandshakeTimeout is closed. A client beyond MaxConnections or MaxConnectionsPerAddress gets its
// answer after such a handshake. A hundred a second do. The others are closed before it.
//
// Reading a record takes one allocation, crypto/tls's. An idle connection keeps some kilobytes
// of crypto/tls: keys, secrets, and a buffer as large as the largest record so far. Where
// records come one behind another that buffer may be twice as large, up to 40 KiB. None of it
// counts in MaxBuffers.
//
// Pending bytes count in MaxPending both as frames and as records. A record that waits cannot be
// dropped any more. So the policies that drop begin 16 KiB later. A client that ends without
// close_notify is reported as [conn.ErrTruncated]. A client that speaks HTTP to the TLS port gets
// 400. Key updates are answered, but a client that sends little else is cut.
//
// # Pings
//
// nginx closes a connection on which the server has sent nothing for 60 s (its
// proxy_read_timeout). Many load balancers do the same. So a client gets a ping when it has been
// sent nothing for PingInterval, 45 s by default, even if it sends all the time itself. Any
// other message sent counts instead of the ping. Set PingInterval lower if a proxy cuts earlier.
// Set it higher to wake clients seldom, where no proxy cuts.
//
// A client that sends nothing for IdleTimeout, not even an answer to the ping half-way, is closed
// with 1001. It may have lost its network, and should come back. Clients take 1008 (Policy
// Violation) for a ban, and some take 1011 for a lasting failure.
//
// # HTTP requests
//
// With a Handler, a page and its WebSocket can share a port. A request that asks for no WebSocket
// goes to net/http, with the connection and the bytes already read. net/http then serves the
// connection, with keep-alive and pipelining. That ends with the connection, when it has
// been idle for IdleTimeout, or when a handshake arrives. The handshake and the frames behind it
// are the server's again, over TLS as well.
//
// These connections have the limits of all others. A client that does not read its answer is cut
// after WriteTimeout. If a request's content stops arriving for BodyTimeout, the Handler's next
// Read fails. Each byte that moves begins both times anew, so slow clients may go on. After
// MaxLifetime an idle connection is closed. A request that is being served then finds its context
// done, and has CloseTimeout to end. During Shutdown no client may stand still for longer than
// CloseTimeout.
//
// A Handler may set its own deadlines with [http.ResponseController], or none. They replace
// WriteTimeout and BodyTimeout until the request is over:
//
//	http.NewResponseController(w).SetWriteDeadline(time.Time{}) // this client may take its time
//
// A connection that a Handler hijacks has none of these limits any more.
//
// With RouteUpgrades the Handler gets the handshakes too. An [http.ServeMux] can then route them to
// handlers that call Upgrade. Path has no wildcards, but a mux has:
//
//	srv := &server.Server{Addr: ":9001", RouteUpgrades: true}
//	mux := http.NewServeMux()
//	mux.HandleFunc("GET /rooms/{room}", func(w http.ResponseWriter, r *http.Request) {
//		room := r.PathValue("room")
//		srv.Upgrade(w, r, func(c *conn.Conn) { c.SetValue(room) })
//	})
//	srv.Handler = mux
//	log.Fatal(srv.ListenAndServe())
//
// # Inside net/http
//
// [Server.Upgrade] takes a connection over from an [http.Server] and gives it to an event loop. Call
// it in a handler, at any path and behind any middleware:
//
//	mux.HandleFunc("GET /rooms/{room}", func(w http.ResponseWriter, r *http.Request) {
//		user := r.Context().Value(userKey{})   // from middleware: read before Upgrade
//		srv.Upgrade(w, r, func(c *conn.Conn) { // in place of OnConnection
//			c.SetValue(user)
//		})
//	})
//
// If Upgrade fails, the client has its answer already, and the log the reason. So a program may
// ignore the error. The http.Server's ReadTimeout and WriteTimeout have no effect on a
// connection that Upgrade has taken over. This server's limits hold.
//
// The server need not listen anywhere. The first Upgrade starts its loops, and Shutdown or Close
// end them. The http.Server does not know these connections any more and does not wait for
// them. So shut it down first, and this server after it.
//
// A connection over TLS moves to the loop too, if crypto/tls was put on an [UpgradeListener]:
//
//	ln, err := net.Listen("tcp", ":443")
//	if err != nil {
//		return err
//	}
//	err = httpServer.ServeTLS(server.UpgradeListener(ln), "cert.pem", "key.pem")
//
// Otherwise, or if something else lies between a connection and its socket, it cannot move.
// Goroutines carry its bytes then, with the same callbacks. Or let this server listen itself:
// ServeTLS, with the mux as its Handler, and RouteUpgrades.
//
// # HTTP/2
//
// Over HTTP/2 a WebSocket is a stream of the connection (RFC 8441). An [http.Server] offers that to browsers if the
// program imports package server/xconnect for that effect. Then Upgrade gets
// requests with the method CONNECT, which a mux must allow too, as in "CONNECT /rooms/{room}". Upgrade returns when
// such a connection has ended, because net/http ends the stream when the handler returns. [http.Server.Shutdown]
// waits for that, so call Shutdown of this server first. The guide has more.
//
// # Testing
//
// Package servertest runs a whole server on a simulated network and clock. Programs that call
// Upgrade need sockets: serve the handler with httptest.NewServer, dial it with package client,
// and end with [Server.Close], because httptest does not know the WebSockets.
//
// # Platforms
//
// The server runs on linux with epoll, and on darwin, freebsd, netbsd, openbsd and dragonfly with kqueue. Everywhere
// else, such as on windows and js, package net's own connections are relayed: see [Server.Serve]. A relayed one
// takes 512 bytes and a goroutine while it is idle, and another goroutine while it writes. So MaxConnections bounds
// those of open connections. A refused or closed one may keep its two for some seconds. Options of TCP that net lacks
// are ignored. ListenerFiles and ListenReusePort fail: see [errors.ErrUnsupported]. Package servertest runs everywhere.
package server

// What is where, for those who change the package. It is the face of a server and puts the rooms below
// together:
//
//	server.go, limits.go, tcp.go, …  the options; mistakes.go refuses impossible ones
//	policy.go, running.go, life.go   a server that has started: its options as they stood, and its rooms
//	phases.go, gating.go             what it hands to internal/phase and internal/gate
//	judge.go, handshake.go           which requests are accepted, and Check
//	proxies.go, forwarded.go         which peers are proxies, and the clients that they name
//	handover.go, upgrade.go          the way to net/http, and back
//	telling.go, stats.go, reason.go  the log and the counters
//	table.go, sessions.go            the connections that are open
//	shutdown.go, leaving.go          the end
