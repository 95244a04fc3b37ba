package server

import (
	"net"

	"github.com/framerail/framerail/internal/secure"
)

// UpgradeListener wraps a listener of package net for an [http.Server] that speaks TLS, so
// that Upgrade can move its connections to an event loop:
//
//	ln, err := net.Listen("tcp", ":443")
//	if err != nil {
//		return err
//	}
//	err = httpServer.ServeTLS(server.UpgradeListener(ln), "cert.pem", "key.pem")
//
// or tls.NewListener(server.UpgradeListener(ln), config), for httpServer.Serve: crypto/tls
// goes directly on what it accepts. Such a connection costs, once upgraded, what one costs
// that a server has accepted with ServeTLS. Requests that are not upgraded are served as
// before, HTTP/2 included: clients choose HTTP/1.1 for a WebSocket (RFC 6455 4.1, RFC 7301).
//
// The listener is not tied to a server, and closing it closes ln, which may be a
// ProxyListener's. Connections that are neither a *net.TCPConn nor a *net.UnixConn are passed
// on as they are.
func UpgradeListener(ln net.Listener) net.Listener { return upgradeListener{ln} }

type upgradeListener struct{ net.Listener }

func (l upgradeListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err == nil && isSocket(unproxied(nc)) {
		nc = secure.Wrap(nc)
	}
	return nc, err
}
