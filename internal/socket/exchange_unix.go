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

// Supported tells whether there is anything in this package for the system.
const Supported = true

// Take gives a descriptor of one's own for the socket of a net.Conn or listener:
// non-blocking and closed on exec. The other owner is to be closed afterwards.
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

// duplicate gives another descriptor for the same socket, closed on exec.
func duplicate(fd uintptr) (int, error) {
	if errno := inject.Of(inject.Duplicate); errno != 0 {
		return -1, errno
	}
	return unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
}

// Conn is a net.Conn for the socket of a descriptor. It has a descriptor of its
// own; the caller's is to be closed. Over TCP the system probes a silent peer, as
// it does for the connections that package net accepts.
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
