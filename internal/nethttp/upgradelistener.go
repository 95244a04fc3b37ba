package nethttp

import (
	"net"

	"github.com/framerail/framerail/internal/secure"
)

// UpgradeListener wraps a listener of package net for an http.Server that speaks TLS, so that
// Host.Take can move its connections to an event loop.
func UpgradeListener(ln net.Listener) net.Listener { return upgradeListener{ln} }

type upgradeListener struct{ net.Listener }

func (l upgradeListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err == nil && isSocket(unproxied(nc)) {
		nc = secure.Wrap(nc)
	}
	return nc, err
}
