//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package socket

import (
	"net"
	"os"
	"syscall"
	"time"

	"github.com/framerail/framerail/internal/inject"
	"golang.org/x/sys/unix"
)

// Supported reports whether this package supports the system.
const Supported = true

// Take duplicates the descriptor of a net.Conn or listener: non-blocking and closed on exec. Close the
// other owner afterwards.
func Take(c syscall.Conn) (fd int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return -1, err
	}
	var dupErr error
	err = raw.Control(func(orig uintptr) {
		fd, dupErr = duplicate(orig)
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

// duplicate returns another descriptor for the same socket, closed on exec.
func duplicate(fd uintptr) (int, error) {
	if errno := inject.Of(inject.Duplicate); errno != 0 {
		return -1, errno
	}
	return unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
}

// Conn makes a net.Conn for the socket of a descriptor. It has a descriptor of its own, so close the
// caller's. Over TCP the system probes a silent peer, as for the connections that package net
// accepts.
func Conn(fd int) (net.Conn, error) {
	dup, err := duplicate(uintptr(fd))
	if err != nil {
		return nil, wrap("fcntl", err)
	}
	f := os.NewFile(uintptr(dup), "")
	defer f.Close()
	c, err := net.FileConn(f)
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetKeepAlive(true) // better with, good enough without
		_ = t.SetKeepAlivePeriod(keepAlivePeriod)
	}
	return c, err
}

// keepAlivePeriod is package net's own.
const keepAlivePeriod = 15 * time.Second
