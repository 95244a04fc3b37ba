// Package server is a WebSocket server (RFC 6455) on event loops, shaped like
// net/http's.
//
//	srv := &server.Server{Addr: ":9001"}
//	srv.OnConnection = func(c *conn.Conn) { // its handshake is done
//		for other := range srv.Clients() { // all but c, until this returns
//			other.SendText("somebody joined")
//		}
//	}
//	srv.OnMessage = func(c *conn.Conn, m conn.Message) {
//		c.SendMessage(m)
//	}
//	log.Fatal(srv.ListenAndServe())
//
// Callbacks are set for the server, or in OnConnection for one connection; what a
// connection can do is in package [conn]. Start serves in the background, with the
// address known when it returns.
//
// # Concurrency
//
// All methods of Server may be called from any goroutine, callbacks included. A
// loop is a goroutine that owns its connections from accept to close: new ones go
// to the loop with the fewest. Callbacks of one connection never run at the same
// time and come in order: OnConnection, then messages and control frames as they
// arrived, then OnClose exactly once. Those of different connections do run at the
// same time.
//
// [conn.Conn.Do] and [conn.Conn.AfterFunc] have functions of the program's run in that order,
// from any goroutine, at once or after a time.
//
// With Dispatch [conn.OnLoop], the default, callbacks run on the loop and must not
// block: the loop's other connections wait for them. With [conn.OnGoroutines] they
// may block, behind a bounded queue. OnStream runs on a goroutine always, Check where
// CheckDispatch says, whatever Dispatch is.
//
// A callback that panics closes its connection with 1011 and is logged with its
// stack; one that ends its goroutine, by runtime.Goexit or a test's FailNow, does
// the same. Nobody else notices.
//
// # Memory
//
// Every []byte given to a callback is valid until the callback returns; copy to
// keep. An idle connection has no goroutine, no buffer and no runtime timer. A
// request that comes in pieces is held in a buffer that grows with the bytes
// received; of the request nothing is kept unless OnConnection asks for it with
// [conn.Conn.Request], which tells of one asked for too late. Echoing a message allocates nothing.
//
// # Limits
//
// The zero value of every option is safe on the internet; the fields of [Server] and
// the constants of this package tell each default. Connections are counted in all
// and by address, an IPv6 network of 64 bits being one address; those beyond the limits
// are told so, and if too many are being told, closed. What comes faster than
// HandshakesPerSecond waits, and addresses take turns. Behind a proxy every connection has the
// proxy's address, unless [Proxies] says whom to believe who the clients are.
// The buffers of all connections share one budget, MaxBuffers: near it handshakes are
// refused, and at it the connections that hold most are closed with 1013, for which messages
// in progress wait. Handshakes that are not done have a quarter of it at most, and go first.
// [conn.Limits] are those that one connection may have of its own: Check sets them in
// [Handshake].Limits, for an endpoint or a user, and [conn.Conn.SetLimits] changes them
// later, after a login for instance. A zero field means the server's.
// Out of descriptors, accepting pauses and tries again, and live connections go on.
//
// Handshakes are refused with a line of text and one of these: 400 for what is malformed or
// could be read in two ways, 403 by the origin rule or Check, 404 for another path, 405 for
// another method than GET, 408 for a request that is late, 417 for one that expects more than
// 100-continue, 426 for one that asks for no
// WebSocket or for a version other than 13, 429 for too many from one address, 431 for one
// too long, 500 if Check panics or its answer cannot be sent, 501 for a transfer coding other
// than chunked, 503 for too many in all, for want of memory, for too many Checks or one that
// is late, and when the server shuts down, 505 for another HTTP than 1.x. Check refuses with
// any other, header and body.
//
// # Listening
//
// Serve and ServeTLS may be called for several listeners at once, TCP and unix sockets mixed;
// Shutdown and Close end them all. [ActivatedListeners] gives those that systemd has opened
// for the process, [ListenReusePort] several on one port. [Server.TCP] has the options of
// TCP sockets.
//
// # Checking handshakes
//
// [Server.Check] sees the request of each handshake, with its cookies and header, may choose
// the subprotocol and add to the answer's header, and refuses by returning an error. It
// runs on the loop, unless CheckDispatch says [conn.OnGoroutines]: then it may ask a
// database or another service, with the context of the request:
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
//		h.SetValue(user) // c.Value() from OnConnection on
//		return nil
//	}
//
// MaxChecks of them run at once, some wait, and CheckTimeout is for all of it; beyond
// either the client gets 503. The context ends then, when the client leaves, and when the
// server ends. A client is seen to leave as long as it has sent no more than 4 KiB behind its
// request, which are kept for the connection; beyond that nothing is read from it, and it is
// seen to have left when Check has decided or CheckTimeout is over. RFC 6455 4.1 has clients
// send nothing there. In Upgrade it is net/http that sees them leave, as long as they have
// sent nothing.
//
// # Seeing what goes on
//
// [Server.Stats] is a snapshot of what the server has done and holds, whole and by
// loop. It can be marshalled as JSON, so that package expvar needs no more than
//
//	expvar.Publish("framerail", expvar.Func(func() any { return srv.Stats() }))
//
// which is not done here: importing expvar adds a page to every program that serves
// [net/http.DefaultServeMux]. The module server/promstats has a collector for
// Prometheus.
//
// A callback that holds a loop for over SlowCallback is counted, and logged with its
// stack while it still runs. The Logger gets one line for each notable event: a
// handshake refused, a connection that fails, a panic, accepting that pauses. Of those
// alike it gets ten at once, and then one a second that says how many more there were,
// so that no client can fill a disk. A line has no payload in it, and messages that go
// well cause none.
//
// # Shutdown
//
// [Server.Shutdown] stops accepting, sends what is pending and a Close frame with
// 1001 to everyone, waits for their answers and for the close callbacks, and cuts
// what is left when its context is done. It tells how many closed cleanly, how many
// by force, and how many bytes were lost. Messages that were read are answered, if
// OnMessage does; who was accepted but has not asked yet has two seconds to do so, is
// greeted, and told 1001 too. [Server.Close] cuts at once. When either
// returns the address is free, no descriptor is held, and the server is used up:
// make another. After Close, connections that Upgrade could not move have some seconds to
// send what was sent before.
//
//	ctx, stop := context.WithTimeout(context.Background(), 30*time.Second)
//	defer stop()
//	drained, err := srv.Shutdown(ctx)
//	log.Printf("%d clean, %d forced, %d bytes lost", drained.Clean, drained.Forced, drained.Lost)
//
// # Restart
//
// A new process can take over the listening sockets, so that no client is refused
// while one program replaces the other: the kernel keeps who has connected in the
// socket's queue until one of them accepts. The old process starts the new one with
// [Server.ListenerFiles], waits for it to say that it is ready, and drains:
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
//		return err // the old one goes on
//	}
//	if _, err := ready.Read(make([]byte, 1)); err != nil {
//		return err // the new one has died, the old one goes on
//	}
//	drained, err := srv.Shutdown(ctx)
//
// The new process serves what it has inherited:
//
//	f := os.NewFile(4, "listener")
//	ln, err := net.FileListener(f)
//	if err != nil {
//		return err
//	}
//	f.Close() // or the socket stays open after Shutdown
//	go srv.Serve(ln) // from now on whoever connects is in its queue
//	tell := os.NewFile(3, "ready")
//	tell.Write([]byte{1})
//	tell.Close()
//
// The path of a unix socket then stays when the last server ends: call
// SetUnlinkOnClose(true) on its listener to have it removed.
//
// # Origin
//
// A browser lets any page connect to any server, with the cookies of its user, and
// tells where the page is from (RFC 6455 10.2). So requests that carry Origin are
// accepted only if it names the host that the request is for; OriginPatterns allow
// others. Behind a proxy that rewrites Host, name your site there. Programs that are
// no browsers send no Origin, and are let pass.
//
// # Proxies
//
// By default whoever connects is the client. [Server.Proxies] lists the proxies that are
// believed when they tell another: those that begin each connection with a header of the
// PROXY protocol, and those that write the client's address into X-Forwarded-For,
// Forwarded (RFC 7239) or another field. [conn.Conn.RemoteAddr] is then the client's, and
// so are the address in a request, in the log and for the limits by address;
// [conn.Conn.PeerAddr] is the proxy's. A server behind HAProxy, and a fleet of nginx:
//
//	srv.Proxies.Protocol.Networks = []netip.Prefix{netip.MustParsePrefix("10.0.1.7/32")}
//	srv.Proxies.Forwarded.Networks = []netip.Prefix{netip.MustParsePrefix("10.0.2.0/24")}
//
// List nobody who is not a proxy, and no field that your proxies let pass as it came: what
// is believed can be made up. For an [http.Server] whose handlers call Upgrade,
// [ProxyListener] reads the PROXY protocol.
//
// # Compression
//
// [Server.Deflate] has the server accept permessage-deflate (RFC 7692). It is off by default,
// since it costs several times the CPU of sending plain, and pays where the network does.
// Without context takeover a connection keeps no memory for it between messages.
//
// A compressed message may say a thousand times as much as it is long. So what compression
// takes is bounded by itself: in one turn of a connection, so that others have theirs, and by
// Limits.CompressionPerSecond in a second. Package conn says what counts.
//
// # TLS
//
// [Server.ListenAndServeTLS], [Server.ServeTLS] and [Server.StartTLS] serve over TLS, with
// crypto/tls and on the event loops: certificates of files or of TLSConfig, which may
// change while the server runs (GetCertificate), client certificates, resumption, TLS 1.2
// and 1.3. Check finds what was agreed on in its Request, a connection's callbacks in
// [conn.Conn.TLS].
//
// A handshake runs on a goroutine of its own once the client's first record is there,
// MaxTLSHandshakes at once, within HandshakeTimeout; TLSConfig's callbacks may block there.
// While others wait for their turn, a client that says nothing for a fifth of that time
// loses its own. Who is beyond MaxConnections or MaxConnectionsPerAddress is told so behind
// such a handshake a hundred times a second, and otherwise closed before it. From then on
// the connection is as any other. Reading a record takes one allocation, crypto/tls's. An
// idle connection holds no buffer of this package's, but what crypto/tls keeps, which is
// some kilobytes: keys, secrets, and a buffer as large as the largest record that has come,
// or twice that where records come one behind another: up to 40 KiB. That is not in
// MaxBuffers.
//
// What was sent and waits is counted in MaxPending as records and as frames. A record that
// waits cannot be dropped any more: the policies that drop begin 16 KiB later. A client that
// ends without close_notify is told apart ([conn.ErrTruncated]); so is one that speaks HTTP to
// the TLS port, which gets 400. Key updates are answered, but a client that sends little
// else is cut.
//
// # Proxies and pings
//
// nginx closes a connection on which the server has sent nothing for 60 s (its
// proxy_read_timeout), and so do many load balancers by default. A client is therefore sent a
// ping when it has been sent nothing for PingInterval, 45 s by default, even if it sends all
// the time itself. What an application sends stands for the ping. Where a proxy cuts earlier,
// set PingInterval to less than its timeout; where clients are to be woken seldom, and no proxy
// cuts, to more.
//
// A client that does not answer a ping within half of IdleTimeout, or send anything else, is
// given up with 1001. It may have lost its network, and should come back: clients take 1008 for
// a ban, and some take 1011 for a failure that will be there again.
//
// # HTTP requests
//
// With a Handler, requests that ask for no WebSocket are handed to net/http, along
// with the connection and the bytes already read: a page and its WebSocket can share
// a port. net/http then serves the connection, with keep-alive, pipelining and all, until
// it ends, has been idle for IdleTimeout, or a handshake comes: that is the server's
// again, with the frames behind it, over TLS as well.
//
// These connections have the limits of all others. One whose client does not read its answer
// is cut after WriteTimeout. A request whose content stops coming for BodyTimeout fails at the
// Handler's next Read. Each byte that moves begins both anew, so that a slow client is let go
// on. After MaxLifetime an idle connection is closed; a request that goes on finds its context
// done, and has CloseTimeout to end. During Shutdown nobody may stand still for longer than
// CloseTimeout. A deadline that a Handler sets through [http.ResponseController], none
// included, stands in place of WriteTimeout or BodyTimeout until its request is over:
//
//	http.NewResponseController(w).SetWriteDeadline(time.Time{}) // this client may take its time
//
// A connection that a Handler hijacks has none of these limits any more.
//
// With RouteUpgrades the Handler gets the handshakes, too, so that an [http.ServeMux]
// routes them to handlers that call Upgrade.
//
// # Inside net/http
//
// [Server.Upgrade] takes a connection over from an [http.Server], in a handler at whatever
// path and behind whatever middleware, and gives it to an event loop:
//
//	mux.HandleFunc("GET /rooms/{room}", func(w http.ResponseWriter, r *http.Request) {
//		err := srv.Upgrade(w, r, func(c *conn.Conn) { // in place of OnConnection
//			c.SetValue(r.PathValue("room"))
//		})
//		if err != nil {
//			log.Print(err) // the client has been told
//		}
//	})
//
// The server need not listen anywhere: the first Upgrade starts its loops, and Shutdown or
// Close end them. The http.Server knows nothing of these connections any more and does not
// wait for them: end it first, and this server after it.
//
// A connection over TLS moves to the loop, too, if crypto/tls was put on an
// [UpgradeListener]:
//
//	ln, err := net.Listen("tcp", ":443")
//	if err != nil {
//		return err
//	}
//	err = httpServer.ServeTLS(server.UpgradeListener(ln), "cert.pem", "key.pem")
//
// Without that, or if something else lies between a connection and its socket, it cannot
// move: goroutines carry its bytes, with the same callbacks. Or this server listens itself,
// with ServeTLS, the mux as its Handler and RouteUpgrades.
//
// # Platforms
//
// linux, with epoll; darwin, freebsd, netbsd, openbsd and dragonfly, with kqueue.
// On other systems programs compile, and ListenAndServe, Serve and Start fail with an
// error that matches [errors.ErrUnsupported] and names these, before a port is
// opened. Package servertest's simulated machine runs on all.
package server
