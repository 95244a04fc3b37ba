//go:build linux || darwin || netbsd || openbsd || dragonfly

package socket

import "golang.org/x/sys/unix"

// SetReusePort lets several sockets listen on one port, each with a queue of its own. linux and dragonfly
// distribute connections among them. On the others one socket gets all.
func SetReusePort(fd int) error {
	return setOption(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
}
