package server

import (
	"fmt"
	"net"

	"github.com/framerail/framerail/internal/platform"
)

// ListenReusePort opens n sockets that listen on one TCP address, "host:port", each to be
// given to Serve on a goroutine of its own (SO_REUSEPORT; on freebsd SO_REUSEPORT_LB):
//
//	lns, err := server.ListenReusePort(":9001", 4)
//	…
//	for _, ln := range lns {
//		go srv.Serve(ln)
//	}
//
// Each has a queue of its own and is accepted from by itself, which pays where one
// goroutine cannot accept as fast as clients come; one listener is enough otherwise.
// Linux, freebsd and dragonfly share the connections out among them, by hash and whatever
// the server's load is; on other systems one of the sockets gets all. Port 0 picks a free
// one, the same for all.
//
// On Linux other processes of the same user can listen on the address as well, which then
// get their share. Who waits in the queue of a socket that is closed is reset, even if
// others listen: to replace a program without refusing anyone, pass the sockets on, with
// ListenerFiles.
func ListenReusePort(address string, n int) ([]net.Listener, error) {
	if n < 1 {
		return nil, fmt.Errorf("framerail: ListenReusePort of %d sockets", n)
	}
	if err := (platform.Real{}).Supported(); err != nil {
		return nil, fmt.Errorf("framerail: ListenReusePort: %w", err)
	}
	var lns []net.Listener
	for range n {
		ln, err := platform.ListenReusePort(address)
		if err != nil {
			for _, ln := range lns {
				_ = ln.Close()
			}
			return nil, err
		}
		lns = append(lns, ln)
		address = ln.Addr().String() // with the port that was picked
	}
	return lns, nil
}
