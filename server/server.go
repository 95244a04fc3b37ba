package server

import (
	"errors"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/framerail/framerail/conn"
)

// Server is a WebSocket server. Set its fields, then call one of ListenAndServe,
// Serve and Start; a field changed afterwards has no effect. The zero value of
// every option is safe on the internet. All methods are safe from any goroutine.
type Server struct {
	// Addr is the TCP address to listen on, "host:port", or "unix:" and the path
	// of a unix socket. Empty: ":80", as in net/http. Port 0 picks a free one; see
	// ListenAddr.
	Addr string

	// Path is the only path on which handshakes are accepted; others get 404. It is
	// compared with the request's path as sent. Empty: any path.
	Path string

	// OnConnection runs for each new client once its handshake is done, and before
	// any message of its. While it runs, Clients holds all but the new one.
	OnConnection func(*conn.Conn)
	// The other callbacks serve connections that set none of their own. See
	// [conn.Handlers] for what each is given and when.
	OnMessage func(*conn.Conn, conn.Message)
	OnStream  func(*conn.Conn, *conn.Reader)
	OnPing    func(*conn.Conn, []byte)
	OnPong    func(*conn.Conn, []byte)
	OnClose   func(*conn.Conn, conn.CloseInfo)
	OnDrained func(*conn.Conn)

	// Dispatch says where callbacks run. Zero: on the loop, where they must not
	// block. See [conn.Dispatch].
	Dispatch conn.Dispatch

	// Check decides on each handshake that RFC 6455 and the origin rule let pass.
	// It runs on the loop and must not block. An error refuses: with 403 or, if it
	// is a *Refusal, as that says. Nil: all are accepted.
	Check func(*Handshake) error
	// OriginPatterns allows pages of other origins than the server's own to
	// connect, such as "https://example.com", "*.example.com" or "*". Requests
	// without Origin do not come from a browser and are always let pass (RFC 6455
	// 10.2). Nil: same origin only.
	OriginPatterns []string
	// Subprotocols are those the server speaks, best first; the first that the
	// client offers is chosen (RFC 6455 1.9). Check may choose another. Nil: none.
	Subprotocols []string

	// Handler serves requests that are not WebSocket handshakes, through net/http,
	// one request for each TCP connection. Nil: they are refused with 426.
	Handler http.Handler

	// Loops is the number of event loops, each with its share of the connections.
	// 0: GOMAXPROCS.
	Loops int

	// MaxMessageSize bounds a message received, in bytes over all its fragments.
	// Beyond it the connection closes with 1009. 0: 256 KiB.
	MaxMessageSize int64
	// MaxFragments bounds the fragments of a message received. Beyond it the
	// connection closes with 1008. 0: 131,072.
	MaxFragments int
	// MaxPending bounds the bytes of frames that wait for one client. A send that
	// would pass it fails with conn.ErrPendingFull. 0: 1 MiB.
	MaxPending int
	// QueueMessages and QueueBytes bound what waits for callbacks on goroutines, for
	// each connection; beyond either its socket is not read. 0: 64, and 64 KiB.
	QueueMessages int
	QueueBytes    int

	// HandshakeTimeout is the time for a client's whole request; then it gets 408.
	// 0: 5 s.
	HandshakeTimeout time.Duration
	// IdleTimeout ends connections whose peer sends nothing for it, not even the
	// answer to the ping that goes out half-way. 0: 120 s. Negative: never.
	IdleTimeout time.Duration
	// CloseTimeout bounds the closing handshake. 0: 5 s.
	CloseTimeout time.Duration

	// Logger gets one line for each connection that fails and for what befalls the
	// server. Nil: slog.Default().
	Logger *slog.Logger

	mu        sync.Mutex
	run       *running // made by the first Serve
	acceptors map[*acceptor]struct{}
	addr      net.Addr // of the first listener
	stopped   bool
	clients   table
	sessions  sessions
}

// ErrServerClosed is what Serve and ListenAndServe return after Shutdown or Close,
// and Start when it comes after them.
var ErrServerClosed = errors.New("framerail: server closed")

// ListenAndServe listens on Addr and serves until Shutdown or Close, after which it
// returns ErrServerClosed.
func (s *Server) ListenAndServe() error {
	ln, err := s.listen()
	if err != nil {
		return err
	}
	return s.Serve(ln)
}

// Start listens on Addr and serves in the background. When it returns, clients can
// connect and ListenAddr is known.
func (s *Server) Start() error {
	ln, err := s.listen()
	if err != nil {
		return err
	}
	a, err := s.newAcceptor(ln)
	if err != nil {
		return err
	}
	go a.serve()
	return nil
}

// Serve accepts clients from ln until Shutdown or Close, or until accepting fails,
// and closes it; ln belongs to the server from then on, and closing it from
// elsewhere need not end Serve. It may be called for several listeners. The
// listener is a TCP or unix one of package net, or one whose connections are.
//
// On systems without an event loop it fails with an error that matches
// errors.ErrUnsupported.
func (s *Server) Serve(ln net.Listener) error {
	a, err := s.newAcceptor(ln)
	if err != nil {
		return err
	}
	return a.serve()
}

// ListenAddr is the address of the first listener; nil before there is one.
func (s *Server) ListenAddr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// Clients iterates over the connections whose OnConnection has returned and that
// are not closed, in no particular order. Connections that come or go meanwhile
// may or may not be among them.
func (s *Server) Clients() iter.Seq[*conn.Conn] { return s.clients.all }

// Client is the connection from that remote address; false if there is none. Those
// over unix sockets have no address.
func (s *Server) Client(remote netip.AddrPort) (*conn.Conn, bool) { return s.clients.get(remote) }

// ClientCount is the number of connections that Clients iterates over.
func (s *Server) ClientCount() int { return s.clients.len() }
