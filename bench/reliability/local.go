//go:build linux

package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"sync/atomic"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/test/testcert"
	"github.com/framerail/framerail/server"
)

// local is an echo server within this process, for bars about its start and end.
type local struct {
	*server.Server
	way
	ln                 net.Listener
	served             chan struct{} // closed when it takes no more connections
	opened, clean, cut atomic.Int64  // connections, and how their close callbacks say they ended
	unsent             atomic.Int64  // bytes, as they say
}

// newLocal is a server that is not started yet. The log would be of connections
// that the bar means to break.
func newLocal(ctx context.Context) *local {
	l := &local{way: wayOf(ctx), Server: &server.Server{
		OnMessage: echo,
		Logger:    slog.New(slog.NewTextHandler(io.Discard, nil)),
	}}
	if securely(ctx) {
		l.TLSConfig = testcert.Config()
	}
	l.OnConnection = func(*conn.Conn) { l.opened.Add(1) }
	l.OnClose = func(_ *conn.Conn, info conn.CloseInfo) {
		l.unsent.Add(int64(info.Unsent))
		if info.Clean() {
			l.clean.Add(1)
		} else {
			l.cut.Add(1)
		}
	}
	return l
}

// Start starts it on a free port, the way the bar is held.
func (l *local) Start() error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		l.begin(ln)
	}
	return err
}

// begin is Start with a listener.
func (l *local) begin(ln net.Listener) {
	l.ln, l.served = ln, make(chan struct{})
	go func() {
		defer close(l.served)
		_ = l.serve(l.Server, ln)
	}()
}

// Close ends what was begun.
func (l *local) Close() error {
	err := l.end(l.Server, l.ln)
	<-l.served
	return err
}

// address is where it listens; it must have been started.
func (l *local) address() string { return l.ln.Addr().String() }
