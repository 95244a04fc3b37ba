package socket

import "golang.org/x/sys/unix"

// Unsent is how many bytes the system has that the peer has not acknowledged; false if that
// is not known.
func Unsent(fd int) (int, bool) {
	n, err := unix.IoctlGetInt(fd, unix.SIOCOUTQ)
	return n, err == nil
}
