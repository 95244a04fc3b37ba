//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package socket

import (
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// Accept takes the next connection off a listening socket. The new descriptor
// is non-blocking and closed on exec; remote is its peer, or the zero AddrPort
// over unix sockets. ClassifyAccept tells what to do about an error.
func Accept(fd int) (nfd int, remote netip.AddrPort, err error) {
	// Not all of these systems have accept4. The lock keeps a fork from
	// happening before the flag is set; accepting does not block.
	syscall.ForkLock.RLock()
	nfd, sa, err := unix.Accept(fd)
	for err == unix.EINTR {
		nfd, sa, err = unix.Accept(fd)
	}
	if err == nil {
		unix.CloseOnExec(nfd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return -1, netip.AddrPort{}, wrap("accept", err)
	}
	if err := unix.SetNonblock(nfd, true); err != nil {
		unix.Close(nfd)
		return -1, netip.AddrPort{}, wrap("fcntl", err)
	}
	return nfd, addrPort(sa), nil
}
