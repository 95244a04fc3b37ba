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

// Pair makes two sockets that are connected with each other: a descriptor, non-blocking and closed on
// exec, and a net.Conn. The caller closes both.
func Pair() (fd int, far *net.UnixConn, err error) {
	ends, err := socketpair()
	if err != nil {
		return -1, nil, wrap("socketpair", err)
	}
	f := os.NewFile(uintptr(ends[1]), "")
	defer f.Close()
	c, err := net.FileConn(f)
	if err == nil {
		err = SetNonblock(ends[0], true)
	}
	if err != nil {
		_ = Close(ends[0])
		if c != nil {
			_ = c.Close()
		}
		return -1, nil, err
	}
	return ends[0], c.(*net.UnixConn), nil
}

// socketpair makes two sockets that are closed on exec.
func socketpair() (ends [2]int, err error) {
	if errno := inject.Of(inject.Pair); errno != 0 {
		return ends, errno
	}
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	ends, err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(ends[0])
		unix.CloseOnExec(ends[1])
	}
	return ends, err
}

// keepAlivePeriod is package net's own.
const keepAlivePeriod = 15 * time.Second
