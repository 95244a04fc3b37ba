//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package socket

import (
	"errors"

	"golang.org/x/sys/unix"
)

// ClassifyAccept returns the verdict on an error of Accept. An unknown error means a pause and another
// try, because an odd error should not end a server.
func ClassifyAccept(err error) AcceptVerdict {
	if err == nil {
		return AcceptOK
	}
	if errors.Is(err, ErrWouldBlock) {
		return AcceptWait
	}
	var errno unix.Errno
	if !errors.As(err, &errno) {
		return AcceptFatal
	}
	switch errno {
	case unix.EAGAIN:
		return AcceptWait

	// The peer gave up while it was queued. Linux also hands over errors that
	// are pending on the new connection, which says nothing of the listener.
	case unix.ECONNABORTED, unix.ECONNRESET, unix.EINTR, unix.EPROTO, unix.ENOPROTOOPT,
		unix.ENETDOWN, unix.ENETUNREACH, unix.EHOSTDOWN, unix.EHOSTUNREACH, unix.ETIMEDOUT:
		return AcceptNext

	case unix.EBADF, unix.EINVAL, unix.ENOTSOCK, unix.EOPNOTSUPP, unix.EFAULT, unix.ENOSYS:
		return AcceptFatal

	// EMFILE, ENFILE, ENOBUFS, ENOMEM; EPERM from a firewall; the unknown.
	default:
		return AcceptPause
	}
}
