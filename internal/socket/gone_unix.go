//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package socket

import "golang.org/x/sys/unix"

// Gone reports whether the peer has closed a connection from which nothing was read yet: by a reset, or by
// ending its direction without a byte. Gone reads nothing.
func Gone(fd int) bool {
	var b [1]byte
	switch n, _, err := unix.Recvfrom(fd, b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT); {
	case err == unix.EAGAIN, err == unix.EINTR:
		return false
	case err != nil, n == 0:
		return true
	}
	// A reset behind unread bytes is not reported before these are read.
	errno, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	return err != nil || errno != 0
}
