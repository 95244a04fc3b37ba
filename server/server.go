package server

import (
	"crypto/tls"
	"errors"
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
// Set its fields, then call ListenAndServe, Serve or Start; a field changed
// afterwards has no effect. The zero value of every option is safe on the internet;
// what cannot be meant is an error when the server starts, such as a negative limit that
// does not say what it means. A server that was ended cannot be started again. It must
// not be copied.
type Server struct {
	// Addr is the TCP address to listen on, "host:port", or "unix:" and the path
	// of a unix socket; on Linux "unix:@" and a name that is no path. Empty: ":80", as in
	// net/http. Port 0 picks a free one; see ListenAddr. Serve does not look at it.
	//
	// Who may connect to a unix socket is for its path's permissions to say, which are
	// what the process's umask leaves of 0777, and its directory's; an abstract name has
	// none. The path must not exist, and is removed when the server ends.
	Addr string

	// Path is the only path on which handshakes are accepted, such as "/chat"; others get
	// 404. It is compared with the request's path as sent, without the query. Empty: any
	// path. Upgrade does not look at it.
	Path string

	// OnConnection runs for each new client once its handshake is done, and before
	// any message of its. While it runs, Clients holds all but the new one: what others
	// send to Clients meanwhile does not reach it, which matters where it blocks, as with
	// [conn.Conn.SendWait].
	OnConnection func(*conn.Conn)
	// OnMessage gets each whole message. Its payload is valid until the callback
	// returns; copy to keep. This and the following serve connections that set no
	// callback of their own; see [session.Handlers].
	OnMessage func(*conn.Conn, conn.Message)
	// OnStream gets each message while it is still arriving, in place of OnMessage,
	// and on a goroutine. The server does not start with both; a connection that is to
	// differ calls [conn.Conn.OnStream] or OnMessage in OnConnection.
	OnStream func(*conn.Conn, *conn.Reader)
	// OnPing gets the payload of each ping, in place of the automatic pong (RFC 6455
	// 5.5.2), and OnPong that of each pong. Both are valid until the callback
	// returns; copy to keep.
	OnPing func(*conn.Conn, []byte)
	OnPong func(*conn.Conn, []byte)
	// OnClose runs last and once, when the socket is gone.
	OnClose func(*conn.Conn, conn.CloseInfo)
	// OnDrained runs when everything pending has been taken by the socket, after it
	// had refused some or a send had failed with [conn.ErrPendingFull].
	OnDrained func(*conn.Conn)

	// Dispatch says where callbacks run. Zero: on the loop, where they must not
	// block. See [conn.Dispatch].
	Dispatch conn.Dispatch

	// Overflow says what becomes of a message that a client is sent and for which
	// there is no room, because it does not read. Zero: the connection closes with
	// 1013. See [conn.Overflow]; conn.Conn.SetOverflow sets it for one client.
	Overflow conn.Overflow

	// Check decides on each handshake that RFC 6455 and the origin rule let pass, where
	// CheckDispatch says. An error refuses: with 403 or, if it is or wraps a *Refusal, as
	// that says. The error itself is for the log alone. If it panics the client gets 500.
	// Nil: all are accepted.
	Check func(*Handshake) error
	// CheckDispatch says where Check runs. Zero: on the loop, where it must not block.
	// [conn.OnGoroutines]: on a goroutine of its own, where it may, to ask a database or
	// another service: MaxChecks at once, and for CheckTimeout, which the context of its
	// Request tells. What the client sends meanwhile is kept, up to some KiB. In Upgrade
	// Check runs on the handler's goroutine and may block anyway, within the same limits
	// if this is OnGoroutines.
	CheckDispatch conn.Dispatch
	// OriginPatterns allows pages of other origins than the server's own to
	// connect, such as "https://example.com", "*.example.com" or "*". Requests
	// without Origin do not come from a browser and are always let pass (RFC 6455
	// 10.2). Nil: same origin only.
	OriginPatterns []string
	// Subprotocols are those the server speaks, best first; the first that the
	// client offers is chosen (RFC 6455 1.9). Check may choose another. Nil: none.
	Subprotocols []string
	// RequireSubprotocol refuses clients that offer none of Subprotocols, with 400, before
	// Check is asked, and those for whom Check chooses none. False: they are accepted
	// without one.
	RequireSubprotocol bool

	// Proxies says through which proxies clients come, by the PROXY protocol or over HTTP,
	// so that their own addresses are known. Zero: through none.
	Proxies Proxies

	// Deflate is permessage-deflate, the compression of messages (RFC 7692). Zero: off.
	Deflate Deflate

	// TLSConfig is for ListenAndServeTLS, StartTLS and ServeTLS; with certificates in it
	// or a GetCertificate, those need no files. It is cloned, and the clone offers
	// "http/1.1" in place of "h2" by ALPN, since a WebSocket needs it (RFC 6455 4.1); so does
	// a clone of what GetConfigForClient returns. Its callbacks
	// may block. Nil: crypto/tls's defaults.
	TLSConfig *tls.Config

	// Handler serves requests that do not ask for a WebSocket, through net/http and
	// on its goroutines; a handshake that comes later on the same TCP connection is the
	// server's again. Nil: they are refused, with 426 as a rule.
	Handler http.Handler
	// RouteUpgrades has the Handler get handshakes as well: an [http.ServeMux] routes
	// them, by patterns with wildcards, to handlers that call Upgrade. Path cannot be set
	// then, and every handshake costs what a request to net/http does. False: the
	// server answers them itself.
	RouteUpgrades bool

	// TCP is the options of TCP sockets. Zero: as package net has them, but for probes.
	TCP TCP

	// Loops is the number of event loops, each with its share of the connections.
	// 0: GOMAXPROCS.
	Loops int

	// Limits bound what a client may use. Their zero values are safe on the internet.
	Limits

	// SlowCallback is how long a callback that runs on an event loop may hold it. One
	// that takes longer is counted in Stats and logged once, at level Warn with its
	// stack, while it still runs; the log gets one such line a second at most.
	// 0: 100 ms. Negative: never.
	SlowCallback time.Duration

	// Logger gets a line for each notable event, without any payload; of those alike, ten
	// at once and then one a second, with how many more there were. At level Info:
	// handshakes refused; connections that fail or are given up; the end of a shutdown. At
	// Debug: its beginning.
	// At Warn: callbacks that hold a loop, and a shutdown that had to cut connections.
	// At Error: callbacks that panic, and what befalls the server. Nil: slog.Default().
	Logger *slog.Logger

	mu        sync.Mutex
	run       *running // made by the first Serve
	acceptors []*gate.Acceptor
	addr      net.Addr                // of the first listener
	listened  map[string]net.Listener // on Addr, by scheme
	stopped   bool
	clients   table
	sessions  sessions
}

// ErrServerClosed is what Serve and ListenAndServe return after Shutdown or Close,
// and Start when it comes after them.
var ErrServerClosed = errors.New("framerail: server closed")

// ListenAndServe listens on Addr and serves until Shutdown or Close. Then it returns
// ErrServerClosed at once; wait for Shutdown to return before the program ends.
func (s *Server) ListenAndServe() error {
	ln, err := s.listen("http")
	if err != nil {
		return err
	}
	return s.Serve(ln)
}

// Start listens on Addr and serves in the background. When it returns, clients can
// connect and ListenAddr is known. If accepting fails later, the log says so. It listens
// once, as ListenAndServe does: for several addresses there is Serve.
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

// Serve accepts clients from ln until Shutdown or Close, and then returns
// ErrServerClosed, or until accepting fails for good. It may be called for several
// listeners at once. In every case it closes ln, which belongs to the server from
// the call on: closing a listener of package net from elsewhere does not end Serve.
//
// A listener of another package is asked to Accept, and must give connections with a
// descriptor, as those of package net are; otherwise Serve fails with
// ErrNoDescriptor. The server takes the descriptor and closes the connection
// that came with it, so that what its type does on Read, Write and Close is not seen.
//
// On systems without an event loop it fails with an error that matches
// errors.ErrUnsupported.
func (s *Server) Serve(ln net.Listener) error {
	a, err := s.newAcceptor(ln, nil)
	if err != nil {
		return err
	}
	return s.accept(a)
}

// ListenAddr is the address of the first listener, with the port that was chosen for
// port 0; nil before there is one.
func (s *Server) ListenAddr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// Clients iterates over the connections whose OnConnection has returned and that
// are not closed, in no particular order. Each that is there all the while comes once.
// One that comes or goes meanwhile comes once or not at all, and may be closed when it
// does. Some dozens are looked up at a time, so that no loop waits for an iteration, to end
// one early costs nothing, and the program may do anything with them, for as long as it
// likes.
func (s *Server) Clients() iter.Seq[*conn.Conn] { return s.clients.all }

// Client is the connection from that remote address, among those that Clients iterates
// over; false if there is none. Those over unix sockets have no address. On several
// listeners, or behind proxies, two connections may have the same: it is one of them. One
// whose proxy has told no port has port 0. An IPv4-mapped
// address, as package net has it of a socket for both, is the IPv4 one.
func (s *Server) Client(remote netip.AddrPort) (*conn.Conn, bool) { return s.clients.get(remote) }

// ClientCount is the number of connections that Clients iterates over.
func (s *Server) ClientCount() int { return s.clients.len() }
