package server

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"

	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/socket"
)

// handover passes connections whose request is not a WebSocket handshake on to
// net/http, with the bytes that were read already. To net/http it is a listener.
type handover struct {
	server http.Server
	conns  chan net.Conn

	mu     sync.Mutex
	closed bool // guarded by mu: conns is closed
}

// handoverBacklog is how many connections may wait for net/http to take them;
// beyond it a request is answered with 503.
const handoverBacklog = 128

func newHandover(h http.Handler, r *running, log slog.Handler) *handover {
	ho := &handover{
		server: http.Server{
			Handler:           withTLS{h},
			ConnContext:       keepTLS,
			ReadHeaderTimeout: r.handshakeTimeout,
			ErrorLog:          slog.NewLogLogger(log, slog.LevelError),
		},
		conns: make(chan net.Conn, handoverBacklog),
	}
	// A later request on the same TCP connection might be a handshake, and would
	// find itself in the wrong place: each connection serves one.
	ho.server.SetKeepAlivesEnabled(false)
	go func() {
		if err := ho.server.Serve(ho); !errors.Is(err, http.ErrServerClosed) {
			r.logger.Error("framerail: net/http no longer serves requests", "error", err)
		}
	}()
	return ho
}

// offer gives a connection to net/http, unless that has no room for it or takes
// no more.
func (ho *handover) offer(c net.Conn) bool {
	ho.mu.Lock()
	defer ho.mu.Unlock()
	if ho.closed {
		return false
	}
	select {
	case ho.conns <- c:
		return true
	default:
		return false
	}
}

// Accept implements net.Listener.
func (ho *handover) Accept() (net.Conn, error) {
	c, ok := <-ho.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

// Close implements net.Listener. Connections that wait are closed.
func (ho *handover) Close() error {
	ho.mu.Lock()
	defer ho.mu.Unlock()
	if ho.closed {
		return nil
	}
	ho.closed = true
	close(ho.conns)
	for c := range ho.conns {
		_ = c.Close()
	}
	return nil
}

// Addr implements net.Listener.
func (ho *handover) Addr() net.Addr { return &net.TCPAddr{} }

// handOver gives a client's connection to net/http and forgets it.
func (l *loop) handOver(cl *client, head, rest []byte) {
	nc, err := socket.Conn(cl.fd())
	if err != nil {
		l.run.logger.Error("framerail: cannot hand a request to net/http", "remote", cl.RemoteAddr(), "error", err)
		l.refuse(cl, handshake.Unavailable(1))
		return
	}
	read := make([]byte, 0, len(head)+len(rest))
	read = append(append(read, head...), rest...)
	addr, standing := cl.RemoteAddr().Addr(), cl.standing
	leave := func() { l.run.admission.leave(addr, standing) }
	// Counted until net/http closes it, which may be before offer returns.
	cl.standing = uncounted
	below := nc
	t := cl.tls()
	if t != nil {
		nc = t.Detach(below)
	}
	if !l.run.http.offer(&readAhead{Conn: nc, read: read, leave: sync.OnceFunc(leave)}) {
		cl.standing = standing
		_ = below.Close()
		if t != nil {
			t.Detach(nil)
		}
		l.refuse(cl, handshake.Unavailable(1))
		return
	}
	l.tally.handedOver.Add(1)
	l.drop(cl) // the net.Conn has a descriptor of its own
}

// tlsKey is the key of a connection's TLS state in the context of its requests.
type tlsKey struct{}

// keepTLS does for a readAhead what net/http does for a *tls.Conn.
func keepTLS(ctx context.Context, c net.Conn) context.Context {
	if ahead, ok := c.(*readAhead); ok {
		if over, ok := ahead.Conn.(*tls.Conn); ok {
			state := over.ConnectionState()
			return context.WithValue(ctx, tlsKey{}, &state)
		}
	}
	return ctx
}

// withTLS gives requests the TLS state of their connection.
type withTLS struct{ http.Handler }

func (h withTLS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if state, ok := r.Context().Value(tlsKey{}).(*tls.ConnectionState); ok {
		r.TLS = state
	}
	h.Handler.ServeHTTP(w, r)
}

// readAhead is a connection of which some bytes were read before.
type readAhead struct {
	net.Conn
	read  []byte
	leave func()
}

// Close tells, too, that there is one connection less.
func (c *readAhead) Close() error {
	err := c.Conn.Close()
	c.leave()
	return err
}

func (c *readAhead) Read(b []byte) (int, error) {
	if len(c.read) == 0 {
		return c.Conn.Read(b)
	}
	n := copy(b, c.read)
	c.read = c.read[n:]
	return n, nil
}
