//go:build linux || darwin || netbsd || openbsd || dragonfly

package socket

import "golang.org/x/sys/unix"

// SetReusePort lets several sockets listen on one port, each with a queue of its own.
// linux and dragonfly share connections out among them; on the others, one gets them.
func SetReusePort(fd int) error {
	return setOption(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
}
