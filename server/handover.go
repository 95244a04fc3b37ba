package server

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/handshake"
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

func newHandover(s *Server, r *running, log slog.Handler) *handover {
	ho := &handover{
		server: http.Server{
			Handler:           &handed{Handler: s.Handler, srv: s, path: r.path, routes: r.routes},
			ConnContext:       beginAhead,
			ConnState:         noteState,
			ReadHeaderTimeout: r.handshakeTimeout,
			IdleTimeout:       max(r.config.IdleTimeout, 0),
			MaxHeaderBytes:    r.head.HeadBytes(),
			ErrorLog:          slog.NewLogLogger(log, slog.LevelError),
		},
		conns: make(chan net.Conn, handoverBacklog),
	}
	go func() {
		if err := ho.server.Serve(ho); !errors.Is(err, http.ErrServerClosed) {
			r.logger.Error("framerail: net/http no longer serves requests", "error", err)
		}
	}()
	return ho
}

// offer gives a connection to net/http, and counts it, unless that has no room for it or
// takes no more.
func (ho *handover) offer(c net.Conn, count *atomic.Uint64) bool {
	ho.mu.Lock()
	defer ho.mu.Unlock()
	if ho.closed || len(ho.conns) == cap(ho.conns) {
		return false
	}
	count.Add(1)  // before its client can have an answer
	ho.conns <- c // for which there is room: nobody else adds any
	return true
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

// handOver gives a client's connection to net/http and forgets it. The greeter has its
// request.
func (l *phases) handOver(cl *client, head, rest []byte) {
	nc, err := l.run.kernel.Sockets().Lend(cl.FD())
	if err != nil {
		l.run.logger.Error("framerail: cannot hand a request to net/http", "remote", cl.RemoteAddr(), "error", err)
		l.refuseRequest(cl, &l.greeter.req, handshake.Unavailable(1))
		return
	}
	if isTCP(nc) {
		l.run.gate.TCP().Lend(l.run.kernel.Sockets(), cl.FD())
	}
	held := &lent{Conn: nc, run: l.run}
	ahead := &readAhead{Conn: held, lent: held, run: l.run, remote: cl.RemoteAddr(), ticket: cl.ticket()}
	held.onCut = ahead.leave
	ahead.read = append(append(make([]byte, 0, len(head)+len(rest)), head...), rest...)
	// Counted until net/http closes it, which may be before offer returns.
	cl.setTicket(gate.NoTicket)
	below := cl.Below()
	if t := cl.tls(); t != nil {
		ahead.state, ahead.secure = cl.TLS(), t
		ahead.Conn, below = t.Detach(held)
	}
	if !l.run.http.offer(ahead, &l.tally.handedOver) {
		cl.setTicket(ahead.ticket)
		_ = nc.Close()
		if ahead.secure != nil {
			ahead.secure.Detach(nil)
		}
		l.refuseRequest(cl, &l.greeter.req, handshake.Unavailable(1))
		return
	}
	cl.releaseHead()
	l.Forget(&cl.Tenant)
	_ = below.Close() // the net.Conn has a descriptor of its own
}

// handed is the program's Handler, but for the handshakes that come on connections which
// net/http serves: without RouteUpgrades they are the server's.
type handed struct {
	http.Handler
	srv    *Server
	path   string // the only one for handshakes, "" for any
	routes bool
}

func (h *handed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if ahead := aheadOf(r); ahead != nil {
		ahead.lent.begin()
		defer ahead.lent.end()
		r.TLS = ahead.state
		if client, _ := ahead.run.proxies.clientOfHTTP(r, ahead.remote); client != ahead.remote {
			r.RemoteAddr = client.String()
		}
	}
	if !h.routes && handshake.IsUpgradeHTTP(r) {
		_ = h.srv.upgrade(w, r, nil, h.path) // which answers and logs
		return
	}
	h.Handler.ServeHTTP(w, r)
}
