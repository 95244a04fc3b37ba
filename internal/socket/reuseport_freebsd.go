package socket

import "golang.org/x/sys/unix"

// SetReusePort lets several sockets listen on one port, each with a queue of its own. freebsd distributes
// connections among them.
func SetReusePort(fd int) error {
	return setOption(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT_LB, 1)
}
