package peers

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"

	"github.com/framerail/framerail/server"
)

// Upgrading returns framerail inside net/http, as the libraries are that upgrade in an
// HTTP handler, over TCP and over TLS of net/http's, which moves to the event loop or is
// bridged to it. The slice is the caller's.
func Upgrading() []Peer {
	return []Peer{
		{"framerail-nethttp", moduleFramerail, newFramerailHTTP, false, false},
		{"framerail-nethttp-tls", moduleFramerail, func() Server { return movable{behindTLS{newFramerailHTTP()}} }, false, true},
		{"framerail-nethttp-tls-bridged", moduleFramerail, func() Server { return behindTLS{newFramerailHTTP()} }, false, true},
	}
}

// framerailHTTP is framerail without a listener of its own.
type framerailHTTP struct {
	*httpServer
	ws *framerail
}

func newFramerailHTTP() Server {
	ws := newFramerail().(*framerail)
	return framerailHTTP{newHTTPServer(func(w http.ResponseWriter, r *http.Request) {
		_ = ws.Upgrade(w, r, nil) // the client has been told
	}), ws}
}

// movable is a server whose TLS moves to the event loop.
type movable struct{ behindTLS }

func (s movable) Serve(ln net.Listener) error {
	return s.Server.Serve(tls.NewListener(server.UpgradeListener(ln), selfSigned()))
}

func (s framerailHTTP) Serve(ln net.Listener) error { return s.httpServer.Serve(ln) }

func (s framerailHTTP) Close() error {
	return errors.Join(s.httpServer.Close(), s.ws.Close())
}
