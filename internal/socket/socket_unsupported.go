//go:build !linux && !darwin && !freebsd && !netbsd && !openbsd && !dragonfly

package socket

import (
	"errors"
	"net"
	"net/netip"
	"time"
)

// These systems have no event loop, so these functions are never called. They let programs compile.

func Read(fd int, b []byte) (int, error)        { return 0, errors.ErrUnsupported }
func Write(fd int, b []byte) (int, error)       { return 0, errors.ErrUnsupported }
func Writev(fd int, bufs [][]byte) (int, error) { return 0, errors.ErrUnsupported }

func Accept(fd int) (nfd int, remote netip.AddrPort, err error) {
	return -1, netip.AddrPort{}, errors.ErrUnsupported
}

func ClassifyAccept(err error) AcceptVerdict {
	if err == nil {
		return AcceptOK
	}
	return AcceptFatal
}

func LocalAddr(fd int) netip.AddrPort  { return netip.AddrPort{} }
func RemoteAddr(fd int) netip.AddrPort { return netip.AddrPort{} }

func DescriptorLimit() (int, bool) { return 0, false }

func SetKeepAlive(fd int, k net.KeepAliveConfig) error { return errors.ErrUnsupported }
func Listening(fd int) error                           { return errors.ErrUnsupported }

func Gone(fd int) bool                            { return false }
func DiscardAfter(fd int, patience time.Duration) {}

func CloseWrite(fd int) error               { return errors.ErrUnsupported }
func Close(fd int) error                    { return errors.ErrUnsupported }
func SetNoDelay(fd int, on bool) error      { return errors.ErrUnsupported }
func SetLinger(fd int, seconds int) error   { return errors.ErrUnsupported }
func SetNonblock(fd int, on bool) error     { return errors.ErrUnsupported }
func SetReusePort(fd int) error             { return errors.ErrUnsupported }
func SetSendBuffer(fd int, bytes int) error { return errors.ErrUnsupported }
func SetRecvBuffer(fd int, bytes int) error { return errors.ErrUnsupported }
