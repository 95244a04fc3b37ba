package socket

import "golang.org/x/sys/unix"

// fionWrite is FIONWRITE of <sys/filio.h>.
const fionWrite = 0x40046679

// Unsent is how many bytes the system has that the peer has not acknowledged; false if that
// is not known.
func Unsent(fd int) (int, bool) {
	n, err := unix.IoctlGetInt(fd, fionWrite)
	return n, err == nil
}
