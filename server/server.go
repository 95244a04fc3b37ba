package server

import (
	"crypto/tls"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/gate"
)

// Server is a WebSocket server. All methods are safe from any goroutine, callbacks
// included.
//
// Set its fields, then call ListenAndServe, Serve or Start. Changing a field afterwards has no
// effect. The zero value of every option is safe on the internet. An impossible option is an error
// when the server starts: a negative limit, for example, where negative has no meaning. A server
// cannot be started again after it has ended. It must not be copied.
type Server struct {
	// Addr is the address to listen on: "host:port" for TCP, or "unix:" and the path of a unix
	// socket. On Linux it may be "unix:@" and an abstract name. Empty: ":80", as in net/http.
	// Port 0 picks a free port; see ListenAddr. Serve ignores Addr.
	//
	// The permissions of a unix socket's path and of its directory decide which users may
	// connect. The path gets 0777 without the process's umask. An abstract name has no
	// permissions. The path must not exist, and is removed when the server ends.
	Addr string

	// Path is the only path on which handshakes are accepted, such as "/chat". Others get 404. It
	// is compared with the request's path as sent, without the query. It has no wildcards: for
	// those set RouteUpgrades. Empty: any path. Upgrade ignores Path.
	Path string

	// OnConnection runs for each new client once its handshake is done, before its first
	// message. While it runs, Clients has all clients except the new one. So messages that
	// others send to Clients meanwhile do not reach it. That matters if OnConnection blocks, as
	// with [conn.Conn.SendWait]. A client is among Clients from its first Receive on, if
	// OnConnection reads in a loop: see [conn.Conn.Messages].
	OnConnection func(*conn.Conn)
	// OnMessage gets each whole message. Its payload is valid until the callback returns; copy
	// to keep. A connection may have a callback of its own in place of this one and each of
	// the following: see [conn.Conn.OnMessage].
	OnMessage func(*conn.Conn, conn.Message)
	// OnStream gets each message while it arrives, in place of OnMessage, and runs on a
	// goroutine. The server does not start with both. A single connection may choose the other
	// with [conn.Conn.OnStream] or OnMessage, in OnConnection.
	OnStream func(*conn.Conn, *conn.Reader)
	// OnPing gets the payload of each ping, in place of the automatic pong (RFC 6455 5.5.2).
	// OnPong gets the payload of each pong. Both payloads are valid until the callback returns;
	// copy to keep.
	OnPing func(*conn.Conn, []byte)
	OnPong func(*conn.Conn, []byte)
	// OnClose runs last and once, when the socket is closed.
	OnClose func(*conn.Conn, conn.CloseInfo)
	// OnDrained runs when the socket has taken all pending bytes, after it was full or after a
	// send has failed with [conn.ErrPendingFull].
	OnDrained func(*conn.Conn)

	// AutoAnswer is a text that the loop answers without the program, such as {"ping", "pong"} for pages
	// that cannot send pings. Zero: none. See [conn.Conn.AutoAnswer], which sets it for one client.
	AutoAnswer conn.AutoAnswer

	// Dispatch says where callbacks run. Zero: on the loop, where they must not
	// block. See [conn.Dispatch].
	Dispatch conn.Dispatch

	// Overflow says what happens to a message for which there is no room, because the client
	// does not read. Zero: the connection closes with 1013 (Try Again Later). See
	// [conn.Overflow]. [conn.Conn.SetOverflow] sets it for one client.
	Overflow conn.Overflow

	// Check decides on each handshake that RFC 6455 and the origin rule accept. It can only refuse
	// more of them: see OriginPatterns to accept others. It refuses by returning an error. A *Refusal, or an error that wraps one, decides the answer. Any other
	// error means 403. The error itself is only for the log. If Check panics, the client gets
	// 500. Nil: all handshakes are accepted.
	Check func(*Handshake) error
	// CheckDispatch says where Check runs, OnLoop or OnGoroutines. Zero: on the loop, where it must not block. With
	// [conn.OnGoroutines] it runs on a goroutine and may ask a database or another service.
	// MaxChecks run at once, each within CheckTimeout: the context of its Request ends then.
	// Bytes that the client sends meanwhile are kept, up to some KiB. In Upgrade Check runs on
	// the handler's goroutine and may block anyway. The same limits hold there if CheckDispatch
	// is OnGoroutines.
	CheckDispatch conn.Dispatch
	// OriginPatterns allows pages of other origins to connect, such as "https://example.com",
	// "*.example.com" or "*". Requests without Origin do not come from a browser and are always
	// accepted (RFC 6455 10.2). Nil: same origin only.
	OriginPatterns []string
	// Subprotocols are the server's subprotocols, best first. The first one that the client
	// offers is chosen (RFC 6455 1.9). Check may choose another. Nil: none.
	Subprotocols []string
	// RequireSubprotocol refuses clients that offer none of Subprotocols, with 400, before Check
	// runs. It also refuses clients for which Check chooses none. False: they are accepted
	// without a subprotocol.
	RequireSubprotocol bool

	// Proxies names the proxies through which clients come, with the PROXY protocol or over
	// HTTP. So the server knows the clients' own addresses. Zero: no proxies.
	Proxies Proxies

	// Deflate is permessage-deflate, the compression of messages (RFC 7692). Zero: off.
	Deflate Deflate

	// TLSConfig is for ListenAndServeTLS, StartTLS and ServeTLS. These need no files if it has
	// certificates or a GetCertificate. It is cloned. The clone offers "http/1.1" in place of
	// "h2" by ALPN, because a WebSocket needs HTTP/1.1 (RFC 6455 4.1). So does a clone of the
	// result of GetConfigForClient. Its callbacks may block. Nil: crypto/tls's defaults.
	TLSConfig *tls.Config

	// Leaving says how Shutdown parts with the clients: over which time, and in which order. Zero: with
	// all at once.
	Leaving Leaving

	// Handler serves requests that do not ask for a WebSocket, through net/http and on its
	// goroutines. A handshake that comes later on the same connection is the server's again.
	// Nil: such requests are refused, with 426 in most cases.
	Handler http.Handler
	// RouteUpgrades gives handshakes to the Handler too. An [http.ServeMux] can then route them,
	// by patterns with wildcards, to handlers that call Upgrade. Path cannot be set then, and
	// every handshake costs as much as a request to net/http. False: the server answers
	// handshakes itself.
	RouteUpgrades bool

	// TCP has the options of TCP sockets. Zero: package net's, without probes.
	TCP TCP

	// Loops is the number of event loops, each with its share of the connections.
	// 0: GOMAXPROCS.
	Loops int

	// Limits bound what a client may use. Their zero values are safe on the internet.
	Limits

	// SlowCallback is how long a callback may hold an event loop. A longer one is counted in
	// Stats. It is also logged once with its stack, at level Warn, while it still runs. The log
	// gets at most one such line a second. 0: 100 ms. Negative: never.
	SlowCallback time.Duration

	// Logger gets one line for each notable event, without any payload. Events of one kind get
	// ten lines at once, and then one a second with how many more there were. Nil:
	// slog.Default(). The levels are:
	//
	//   - Info: refused handshakes, connections that fail or are closed for silence, the end of
	//     a shutdown. Debug: the beginning of a shutdown.
	//   - Warn: callbacks that hold a loop, a shutdown that had to cut connections.
	//   - Error: callbacks that panic, failures of the server itself.
	Logger *slog.Logger

	mu        sync.Mutex
	run       *running // made by the first Serve
	acceptors []*gate.Acceptor
	addr      net.Addr                // of the first listener
	listened  map[string]net.Listener // on Addr, by scheme
	draining  bool                    // Shutdown or Close was called
	stopped   bool
	unstarted sync.Once // it was logged
	clients   table
	sessions  sessions
}

// ErrServerClosed is the error of Serve and ListenAndServe after Shutdown or Close, and of a later
// Start.
var ErrServerClosed = gate.ErrStopped

// ListenAndServe listens on Addr and serves until Shutdown or Close. Then it returns ErrServerClosed
// at once, so wait for Shutdown to return before the program ends.
func (s *Server) ListenAndServe() error {
	ln, err := s.listen("http")
	if err != nil {
		return err
	}
	return s.Serve(ln)
}

// Start listens on Addr and serves in the background. When it returns, clients can connect and
// ListenAddr is known. If accepting fails later, the log says so. Use Serve for several
// addresses.
func (s *Server) Start() error {
	ln, err := s.listen("http")
	if err != nil {
		return err
	}
	a, err := s.newAcceptor(ln, nil)
	if err != nil {
		return err
	}
	go s.accept(a)
	return nil
}

// Serve accepts clients from ln until Shutdown or Close, and then returns ErrServerClosed. It also
// returns if accepting fails for good. It may be called for several listeners at once. ln belongs
// to the server from the call on, and Serve closes it in every case. Closing a listener of package
// net from elsewhere does not end Serve where there is epoll or kqueue. Elsewhere it does.
//
// Serve calls Accept of a listener of another package. If a connection shows a descriptor, by a method
// SyscallConn, the server takes that and closes the connection. So Read, Write and Close of its type are
// not used. Any other net.Conn is relayed: a goroutine reads it, and a second one writes while there is
// something to write. Listeners in memory, of multiplexers and of crypto/tls are served this way. Callbacks,
// limits and Shutdown are the same. RemoteAddr of a net.Conn must not block. The peer of one without an
// address of IP counts in MaxConnections alone, and is no peer over a unix socket for Proxies. A broken one, such as
// one that is closed already, does not end Serve.
//
// Where the system has no epoll and no kqueue, every connection is relayed.
func (s *Server) Serve(ln net.Listener) error {
	a, err := s.newAcceptor(ln, nil)
	if err != nil {
		return err
	}
	return s.accept(a)
}

// ListenAddr is the address of the first listener, with the port that was chosen for port 0. It is
// nil before there is a listener.
func (s *Server) ListenAddr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// Clients iterates over the open connections whose OnConnection has returned, in no particular order.
// A connection that is open all the while comes exactly once. One that opens or closes meanwhile comes
// once or not at all, and may be closed when it comes.
//
// Clients looks up some dozens of connections at a time. So no loop waits for an iteration, and a break
// costs nothing. The program may take as long as it likes.
func (s *Server) Clients() iter.Seq[*conn.Conn] { return s.clients.all }

// Client returns the connection from that remote address, among those of Clients; false if there is
// none. Connections over unix sockets have no address. With several listeners, or behind proxies, two
// connections may have the same address: Client returns one of them. The port is 0 if a proxy gave
// none. An IPv4-mapped IPv6 address counts as the IPv4 address.
func (s *Server) Client(remote netip.AddrPort) (*conn.Conn, bool) { return s.clients.get(remote) }

// ClientCount is the number of connections that Clients iterates over.
func (s *Server) ClientCount() int { return s.clients.len() }
