//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package socket

import (
	"os"

	"golang.org/x/sys/unix"
)

// wrap turns an error number into what this package returns, nil included.
func wrap(call string, err error) error {
	if err == unix.EAGAIN {
		return ErrWouldBlock
	}
	return os.NewSyscallError(call, err)
}
