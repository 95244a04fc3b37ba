package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"

	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/socket"
)

// handover passes connections whose request is not a WebSocket handshake on to
// net/http, with the bytes that were read already.
type handover struct {
	server http.Server
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// handoverBacklog is how many connections may wait for net/http to take them;
// beyond it a request is answered with 503.
const handoverBacklog = 128

func newHandover(h http.Handler, r *running) *handover {
	ho := &handover{
		server: http.Server{
			Handler:           h,
			ReadHeaderTimeout: r.handshakeTimeout,
			ErrorLog:          slog.NewLogLogger(r.logger.Handler(), slog.LevelError),
		},
		conns:  make(chan net.Conn, handoverBacklog),
		closed: make(chan struct{}),
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

// Accept, Close and Addr make it the net.Listener that net/http serves.

func (ho *handover) Accept() (net.Conn, error) {
	select {
	case c := <-ho.conns:
		return c, nil
	case <-ho.closed:
		return nil, net.ErrClosed
	}
}

func (ho *handover) Close() error {
	ho.once.Do(func() { close(ho.closed) })
	return nil
}

func (ho *handover) Addr() net.Addr { return &net.TCPAddr{} }

// stopHTTP lets requests that are being served finish, until ctx is done.
func (r *running) stopHTTP(ctx context.Context) error {
	if r.http == nil {
		return nil
	}
	return r.http.server.Shutdown(ctx)
}

// handOver gives a client's connection to net/http and forgets it.
func (l *loop) handOver(cl *client, head, rest []byte) {
	ho := l.run.http
	if len(ho.conns) == cap(ho.conns) {
		l.refuse(cl, handshake.Unavailable(1))
		return
	}
	read := make([]byte, 0, len(head)+len(rest))
	read = append(append(read, head...), rest...)
	nc, err := socket.Conn(cl.fd())
	if err != nil {
		l.run.logger.Error("framerail: cannot hand a request to net/http", "remote", cl.RemoteAddr(), "error", err)
		l.drop(cl)
		return
	}
	l.drop(cl) // the net.Conn has a descriptor of its own
	select {
	case ho.conns <- &readAhead{Conn: nc, read: read}:
	default: // another loop was faster
		_ = nc.Close()
	}
}

// readAhead is a connection of which some bytes were read before.
type readAhead struct {
	net.Conn
	read []byte
}

func (c *readAhead) Read(b []byte) (int, error) {
	if len(c.read) == 0 {
		return c.Conn.Read(b)
	}
	n := copy(b, c.read)
	c.read = c.read[n:]
	return n, nil
}
