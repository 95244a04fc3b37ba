//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/framerail/framerail/server"
)

// way is how clients reach framerail in bars that can be held in several ways.
type way struct {
	security
	upgrading
}

// upgrading is the setting of bars that can be held through net/http as well.
type upgrading struct {
	Upgrade string `enum:",loop,bridge" default:"" help:"Have net/http accept and read the requests, and framerail upgrade them: onto the event loop, or over a bridge to it, as connections need that are no plain sockets."`
}

// within is way's.
func (u upgrading) within(ctx context.Context) context.Context { return way{upgrading: u}.within(ctx) }

type wayKey struct{}

// within says it to the servers and the clients that a bar starts there.
func (w way) within(ctx context.Context) context.Context {
	return context.WithValue(ctx, wayKey{}, w)
}

// wayOf is what within has said.
func wayOf(ctx context.Context) way {
	w, _ := ctx.Value(wayKey{}).(way)
	return w
}

// ready has a server start its loops that net/http is to give its connections: a bar counts
// goroutines and descriptors before there is one.
func (w way) ready(srv *server.Server) {
	if w.Upgrade != "" {
		_ = srv.Upgrade(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil), nil) // which is refused
	}
}

// serve has a server take the connections of a listener, over TLS if it has a config, and
// returns when it takes no more.
func (w way) serve(srv *server.Server, ln net.Listener) error {
	switch {
	case w.Upgrade == "" && srv.TLSConfig != nil:
		return ignore(srv.ServeTLS(ln, "", ""), server.ErrServerClosed)
	case w.Upgrade == "":
		return ignore(srv.Serve(ln), server.ErrServerClosed)
	case w.Upgrade == "bridge":
		ln = veiledListener{ln}
	case srv.TLSConfig != nil:
		ln = server.UpgradeListener(ln)
	}
	if srv.TLSConfig != nil {
		ln = tls.NewListener(ln, srv.TLSConfig)
	}
	hs := &http.Server{Handler: upgrader{srv}, ReadHeaderTimeout: srv.HandshakeTimeout, ErrorLog: log.New(io.Discard, "", 0)}
	return ignore(hs.Serve(ln), net.ErrClosed)
}

// begun waits until a server that serve was called for has begun, for the same reason.
func (w way) begun(srv *server.Server) {
	for w.Upgrade == "" && srv.ListenAddr() == nil {
		time.Sleep(time.Millisecond)
	}
}

// ignore is err unless that is, or wraps, the one expected.
func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

// end ends what serve began. The server goes first: a listener that closes under it would end its Serve with an error,
// where there is no poller.
func (w way) end(srv *server.Server, ln net.Listener) error {
	return errors.Join(srv.Close(), ignore(ln.Close(), net.ErrClosed))
}

// upgrader upgrades the handshakes that net/http has read; the rest is the server's Handler's.
type upgrader struct{ srv *server.Server }

func (u upgrader) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if u.srv.Handler != nil && r.Header.Get("Upgrade") == "" {
		u.srv.Handler.ServeHTTP(w, r)
		return
	}
	_ = u.srv.Upgrade(w, r, nil) // the client has been told
}

// veiledListener gives connections that do not show their sockets.
type veiledListener struct{ net.Listener }

func (l veiledListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%T is no TCP connection", c), c.Close())
	}
	return veiled{tcp}, nil
}

// veiled is a connection of a type that framerail does not know.
type veiled struct{ *net.TCPConn }
