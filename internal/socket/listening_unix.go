//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package socket

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Errors for a descriptor that does not listen.
var (
	errNoStream     = errors.New("no stream socket")
	errNotListening = errors.New("the socket does not listen")
)

// Listening prepares a descriptor that the process was started with: it makes it non-blocking and closed
// on exec. It fails unless the descriptor is a stream socket that listens.
func Listening(fd int) error {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return wrap("getsockopt", err)
	}
	if kind != unix.SOCK_STREAM {
		return errNoStream
	}
	listens, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err != nil {
		return wrap("getsockopt", err)
	}
	if listens == 0 {
		return errNotListening
	}
	unix.CloseOnExec(fd)
	return SetNonblock(fd, true)
}
