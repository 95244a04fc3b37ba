//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package socket

import (
	"io"

	"golang.org/x/sys/unix"
)

// Read reads at most len(b) bytes into b. At the end of the peer's data it
// returns io.EOF; with an empty b it returns 0 and no error.
func Read(fd int, b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	for {
		n, err := unix.Read(fd, b)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return 0, wrap("read", err)
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// Write writes as much of b as the socket takes and returns how much that was,
// which may be less than len(b) without any error.
func Write(fd int, b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	for {
		n, err := unix.Write(fd, b)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return 0, wrap("write", err)
		default:
			return n, nil
		}
	}
}
