package framerail

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"

	"github.com/framerail/framerail/bench/peers/peer"
	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/server"
)

// InHTTP is framerail inside net/http, as the libraries are that upgrade in an HTTP handler.
func InHTTP(o peer.Options) peer.Server {
	ws := newServer(o, conn.OnLoop)
	return inHTTP{peer.NewHTTPServer(func(w http.ResponseWriter, r *http.Request) {
		_ = ws.Upgrade(w, r, nil) // the client has been told
	}), ws}
}

// InHTTPS is InHTTP over TLS of net/http's, which moves to the event loop.
func InHTTPS(o peer.Options) peer.Server { return movable{InHTTP(o)} }

// Bridged is InHTTP over TLS of net/http's, which stays where it is.
func Bridged(o peer.Options) peer.Server { return peer.BehindTLS{Server: InHTTP(o)} }

// inHTTP is framerail without a listener of its own.
type inHTTP struct {
	*peer.HTTPServer
	ws *Server
}

func (s inHTTP) Serve(ln net.Listener) error { return s.HTTPServer.Serve(ln) }

func (s inHTTP) Close() error { return errors.Join(s.HTTPServer.Close(), s.ws.Close()) }

// movable is a server whose TLS moves to the event loop.
type movable struct{ peer.Server }

func (s movable) Serve(ln net.Listener) error {
	return s.Server.Serve(tls.NewListener(server.UpgradeListener(ln), peer.SelfSigned()))
}
