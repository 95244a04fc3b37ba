package socket

import "golang.org/x/sys/unix"

// soNWrite is SO_NWRITE of <sys/socket.h>.
const soNWrite = 0x1024

// Unsent is how many bytes the system has that the peer has not acknowledged; false if that
// is not known.
func Unsent(fd int) (int, bool) {
	n, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, soNWrite)
	return n, err == nil
}
