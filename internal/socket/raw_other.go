//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package socket

import "golang.org/x/sys/unix"

// closeFD is close(2).
func closeFD(fd int) error { return unix.Close(fd) }

// setInt sets an option that is a number.
func setInt(fd, level, name, value int) error { return unix.SetsockoptInt(fd, level, name, value) }
