package server

import (
	"net"

	"github.com/framerail/framerail/internal/nethttp"
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
// For httpServer.Serve use tls.NewListener(server.UpgradeListener(ln), config): crypto/tls must lie
// directly on the accepted connections. An upgraded connection then costs as much as one that a
// server has accepted with ServeTLS. Other requests are served as before, HTTP/2 included. Clients choose
// HTTP/1.1 for a WebSocket (RFC 6455 4.1, RFC 7301).
//
// The listener belongs to no server. Closing it closes ln, which may be a ProxyListener's. Connections
// other than a *net.TCPConn or a *net.UnixConn pass unchanged.
func UpgradeListener(ln net.Listener) net.Listener { return nethttp.UpgradeListener(ln) }
