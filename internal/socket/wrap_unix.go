//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package socket

import (
	"os"

	"golang.org/x/sys/unix"
)

// wrap turns an error number into an error of this package, or nil.
func wrap(call string, err error) error {
	if err == unix.EAGAIN {
		return ErrWouldBlock
	}
	return os.NewSyscallError(call, err)
}
