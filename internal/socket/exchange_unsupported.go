//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !dragonfly

package socket

import (
	"errors"
	"net"
	"syscall"
)

const Supported = false

func Take(c syscall.Conn) (fd int, err error) { return -1, errors.ErrUnsupported }
func Conn(fd int) (net.Conn, error)           { return nil, errors.ErrUnsupported }
