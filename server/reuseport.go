package server

import (
	"net"

	"github.com/framerail/framerail/internal/gate"
)

// ListenReusePort opens n sockets that listen on one TCP address, "host:port" (SO_REUSEPORT; on freebsd
// SO_REUSEPORT_LB). Give each to Serve, on a goroutine of its own:
//
//	lns, err := server.ListenReusePort(":9001", 4)
//	…
//	for _, ln := range lns {
//		go srv.Serve(ln)
//	}
//
// Each socket has a queue and an accept loop of its own. That pays if one goroutine cannot accept as fast
// as clients come. Otherwise one listener is enough. Linux, freebsd and dragonfly distribute the connections
// by hash, whatever the load. On other systems one of the sockets gets all. Port 0 picks a free port, the
// same for all.
//
// On Linux other processes of the same user can listen on the address too, and get their share. When a
// socket is closed, the clients in its queue are reset, even if others listen. To replace a program
// without refusing a client, pass the sockets on with ListenerFiles.
func ListenReusePort(address string, n int) ([]net.Listener, error) {
	return gate.ListenReusePort(address, n)
}
