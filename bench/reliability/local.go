//go:build linux

package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"sync/atomic"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/selfsigned"
	"github.com/framerail/framerail/server"
)

// local is an echo server within this process, for bars about its start and end.
type local struct {
	*server.Server
	opened, clean, cut atomic.Int64 // connections, and how their close callbacks say they ended
	unsent             atomic.Int64 // bytes, as they say
}

// newLocal is a server that is not started yet. The log would be of connections
// that the bar means to break.
func newLocal(ctx context.Context) *local {
	l := &local{Server: &server.Server{
		Addr:      "127.0.0.1:0",
		OnMessage: echo,
		Logger:    slog.New(slog.NewTextHandler(io.Discard, nil)),
	}}
	if securely(ctx) {
		l.TLSConfig = selfsigned.Config()
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

// Start starts it, over TLS if the bar is held over that.
func (l *local) Start() error {
	if l.TLSConfig != nil {
		return l.StartTLS("", "")
	}
	return l.Server.Start()
}

// Serve is Start with a listener, until the server ends.
func (l *local) Serve(ln net.Listener) error {
	if l.TLSConfig != nil {
		return l.ServeTLS(ln, "", "")
	}
	return l.Server.Serve(ln)
}

// address is where it listens; it must have been started.
func (l *local) address() string { return l.ListenAddr().(*net.TCPAddr).String() }
