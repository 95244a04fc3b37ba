//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package socket

import "golang.org/x/sys/unix"

// Gone tells whether the peer has closed a connection from which nothing was read yet: it has
// reset it, or ended its direction without a byte. Nothing is read.
func Gone(fd int) bool {
	var b [1]byte
	switch n, _, err := unix.Recvfrom(fd, b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT); {
	case err == unix.EAGAIN, err == unix.EINTR:
		return false
	case err != nil, n == 0:
		return true
	}
	// A reset behind bytes that have come is not told before these are read.
	errno, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	return err != nil || errno != 0
}
