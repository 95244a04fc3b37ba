package nethttp

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Handover passes connections to net/http whose request is not a WebSocket handshake, with the bytes that
// were read already. For net/http it is a listener.
type Handover struct {
	server http.Server
	*backlog
}

// backlog is connections that wait for net/http to accept them.
type backlog struct {
	conns chan net.Conn

	mu     sync.Mutex
	closed bool // guarded by mu: conns is closed
}

// handoverBacklog is how many connections may wait for net/http. Further requests get 503.
const handoverBacklog = 128

// HandoverOptions are those of the http.Server.
type HandoverOptions struct {
	Handler           http.Handler
	ReadHeaderTimeout time.Duration
	IdleTimeout       time.Duration
	MaxHeaderBytes    int
	Log               slog.Handler // of net/http
	Logger            *slog.Logger // of the server
}

// NewHandover starts an http.Server for the connections that Offer gives it.
func NewHandover(o HandoverOptions) *Handover {
	ho := &Handover{
		server: http.Server{
			Handler:           o.Handler,
			ConnContext:       begin,
			ConnState:         noteState,
			ReadHeaderTimeout: o.ReadHeaderTimeout,
			IdleTimeout:       o.IdleTimeout,
			MaxHeaderBytes:    o.MaxHeaderBytes,
			ErrorLog:          slog.NewLogLogger(o.Log, slog.LevelError),
		},
		backlog: &backlog{conns: make(chan net.Conn, handoverBacklog)},
	}
	go func() {
		if err := ho.server.Serve(ho); !errors.Is(err, http.ErrServerClosed) {
			o.Logger.Error("framerail: net/http no longer serves requests", "error", err)
		}
	}()
	return ho
}

// Shutdown ends net/http gently, as http.Server.Shutdown does.
func (ho *Handover) Shutdown(ctx context.Context) error { return ho.server.Shutdown(ctx) }

// Abort ends net/http and cuts its connections.
func (ho *Handover) Abort() { _ = ho.server.Close() }

// Offer gives a connection to net/http and counts it. It fails if net/http has no room, or has ended.
func (b *backlog) Offer(c net.Conn, count *atomic.Uint64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || len(b.conns) == cap(b.conns) {
		return false
	}
	count.Add(1) // before its client can have an answer
	b.conns <- c // there is room, because only Offer adds any
	return true
}

// Accept implements net.Listener.
func (b *backlog) Accept() (net.Conn, error) {
	c, ok := <-b.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

// Close implements net.Listener. Connections that wait are closed.
func (b *backlog) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	close(b.conns)
	for c := range b.conns {
		_ = c.Close()
	}
	return nil
}

// Addr implements net.Listener.
func (b *backlog) Addr() net.Addr { return &net.TCPAddr{} }
