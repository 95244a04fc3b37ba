// Package loopback lends tests addresses of this machine.
package loopback

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// Own is an address to listen on, host and port 0, whose host nobody else uses, where the system has all of 127/8.
// So a port there stays free once it is closed. One of 127.0.0.1 may be another process's by then, were it a
// client's.
func Own() string {
	addr := fmt.Sprintf("127.%d.%d.%d:0", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return "127.0.0.1:0"
	}
	_ = ln.Close()
	return addr
}
