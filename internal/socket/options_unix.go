//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package socket

import (
	"github.com/framerail/framerail/internal/inject"
	"golang.org/x/sys/unix"
)

// CloseWrite sends what is queued and then the end of our data; the peer's can
// still be read.
func CloseWrite(fd int) error {
	if errno := inject.Of(inject.Shutdown); errno != 0 {
		return wrap("shutdown", errno)
	}
	return wrap("shutdown", unix.Shutdown(fd, unix.SHUT_WR))
}

// Close closes the descriptor. Whatever the error, do not use or close it again: its number may be in use
// for another file already. Systems differ on whether an interrupted close has happened, so EINTR is
// no error here.
func Close(fd int) error {
	err := closeFD(fd)
	if errno := inject.Of(inject.Close); errno != 0 {
		err = errno // it is closed nevertheless
	}
	if err != unix.EINTR {
		return wrap("close", err)
	}
	return nil
}

// SetNoDelay turns Nagle's algorithm off, or on again. A socket that is not TCP
// is left alone.
func SetNoDelay(fd int, on bool) error {
	value := 0
	if on {
		value = 1
	}
	if errno := inject.Of(inject.NoDelay); errno != 0 {
		return wrap("setsockopt", errno)
	}
	err := setInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, value)
	if err != nil && notTCP(fd) {
		return nil
	}
	return wrap("setsockopt", err)
}

// notTCP reports whether a socket is of another family. Options of TCP fail there with errors that
// differ between systems.
func notTCP(fd int) bool {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return false
	}
	switch sa.(type) {
	case *unix.SockaddrInet4, *unix.SockaddrInet6:
		return false
	default:
		return true
	}
}

// SetLinger sets how long, in seconds, the system goes on sending after Close:
// 0 discards and resets the connection, a negative number restores the default
// of sending in the background.
func SetLinger(fd int, seconds int) error {
	linger := unix.Linger{Linger: int32(max(seconds, 0))}
	if seconds >= 0 {
		linger.Onoff = 1
	}
	return wrap("setsockopt", unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &linger))
}

// SetNonblock makes the calls of this package on fd return ErrWouldBlock where
// they would block, or lets them block again.
func SetNonblock(fd int, on bool) error {
	if errno := inject.Of(inject.Nonblock); errno != 0 {
		return wrap("fcntl", errno)
	}
	return wrap("fcntl", unix.SetNonblock(fd, on))
}

// SetSendBuffer sets how many bytes the system keeps for sending. Systems round
// and clamp it; linux doubles it.
func SetSendBuffer(fd int, bytes int) error {
	return setOption(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, bytes)
}

// SetRecvBuffer sets how many bytes the system keeps for us to read. Systems
// round and clamp it; linux doubles it.
func SetRecvBuffer(fd int, bytes int) error {
	return setOption(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, bytes)
}

// setOption sets an option that is a number.
func setOption(fd, level, name, value int) error {
	if errno := inject.Of(inject.Option); errno != 0 {
		return wrap("setsockopt", errno)
	}
	return wrap("setsockopt", setInt(fd, level, name, value))
}
