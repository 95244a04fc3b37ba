package server

import (
	"net"
	"slices"

	"github.com/framerail/framerail/internal/nethttp"
)

// ProxyListener wraps a listener for an [http.Server] behind proxies that speak the PROXY protocol. Its
// requests and Upgrade then see the client's address. For a server that listens itself,
// Proxies.Protocol does the same.
//
//	ln, err := net.Listen("tcp", ":80")
//	if err != nil {
//		return err
//	}
//	ln, err = server.ProxyListener(ln, server.Trust{Networks: proxies})
//	if err != nil {
//		return err
//	}
//	err = httpServer.Serve(ln)
//
// With TLS behind the header use httpServer.ServeTLS(server.UpgradeListener(ln), …).
//
// A connection from a trusted peer must begin with a header, of at most 4,096 bytes within 5 seconds.
// Otherwise it is closed. RemoteAddr is then the client's address, or the proxy's if the header names no
// client. Connections from other peers pass unchanged. Upgrade moves both to the loop. PeerAddr is the
// proxy's then.
//
// The header is not read while the listener accepts. The first call of RemoteAddr, Read or a method that
// sets a deadline reads it. net/http makes that call on the connection's goroutine. Do not make it in
// ConnContext or ConnState.
//
// The listener belongs to no server. Closing it closes ln. ProxyListener fails if trusted has an invalid
// network.
func ProxyListener(ln net.Listener, trusted Trust) (net.Listener, error) {
	if err := trusted.validate("Protocol"); err != nil {
		return nil, err
	}
	trusted.Networks = slices.Clone(trusted.Networks)
	return nethttp.ProxyListener(ln, trusted.has, defaultHandshakeTimeout), nil
}
