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
// bridged to it; and then the same with compression, as in Compressing. The slice is the
// caller's.
func Upgrading() []Peer {
	plain, takeover := newFramerail, newFramerailTakeover(0)
	return []Peer{
		{"framerail-nethttp", moduleFramerail, inHTTP(plain), false, false},
		{"framerail-nethttp-tls", moduleFramerail, inHTTPS(plain), false, true},
		{"framerail-nethttp-tls-bridged", moduleFramerail, bridged(plain), false, true},
		{"framerail-nethttp-takeover", moduleFramerail, inHTTP(takeover), true, false},
		{"framerail-nethttp-tls-takeover", moduleFramerail, inHTTPS(takeover), true, true},
		{"framerail-nethttp-tls-bridged-takeover", moduleFramerail, bridged(takeover), true, true},
	}
}

// inHTTP has net/http take the connections of a server of framerail's, over TCP.
func inHTTP(ws func() Server) func() Server {
	return func() Server { return newFramerailHTTP(ws().(*framerail)) }
}

// inHTTPS is inHTTP over TLS that moves to the event loop.
func inHTTPS(ws func() Server) func() Server {
	return func() Server { return movable{behindTLS{inHTTP(ws)()}} }
}

// bridged is inHTTP over TLS that stays where it is.
func bridged(ws func() Server) func() Server {
	return func() Server { return behindTLS{inHTTP(ws)()} }
}

// framerailHTTP is framerail without a listener of its own.
type framerailHTTP struct {
	*httpServer
	ws *framerail
}

func newFramerailHTTP(ws *framerail) Server {
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
