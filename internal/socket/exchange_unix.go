//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package socket

import (
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Take gives a descriptor of one's own for the socket of a net.Conn: non-blocking
// and closed on exec. The net.Conn is to be closed afterwards.
func Take(c syscall.Conn) (fd int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, err
	}
	var dupErr error
	err = raw.Control(func(orig uintptr) {
		fd, dupErr = unix.FcntlInt(orig, unix.F_DUPFD_CLOEXEC, 0)
	})
	if err != nil {
		return -1, err
	}
	if dupErr != nil {
		return -1, wrap("fcntl", dupErr)
	}
	if err := SetNonblock(fd, true); err != nil {
		_ = Close(fd)
		return -1, err
	}
	return fd, nil
}

// Conn is a net.Conn for the socket of a descriptor. It has a descriptor of its
// own; the caller's is to be closed.
func Conn(fd int) (net.Conn, error) {
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, wrap("fcntl", err)
	}
	f := os.NewFile(uintptr(dup), "")
	defer f.Close()
	return net.FileConn(f)
}
