package load

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/framerail/framerail/bench/internal/wire"
)

// dial connects and shakes hands with blocking calls, then makes the socket
// non-blocking.
func dial(addr netip.AddrPort, o Options) (fd int, over *secure, agreed wire.Agreement, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, nil, agreed, fmt.Errorf("socket: %w", err)
	}
	if over, agreed, err = open(fd, addr, o); err != nil {
		return -1, nil, agreed, errors.Join(err, unix.Close(fd))
	}
	return fd, over, agreed, nil
}

func open(fd int, addr netip.AddrPort, o Options) (over *secure, agreed wire.Agreement, err error) {
	if err := configure(fd); err != nil {
		return nil, agreed, err
	}
	if err := connect(fd, &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}); err != nil {
		return nil, agreed, fmt.Errorf("connect: %w", err)
	}
	switch {
	case o.Secure:
		if over, err = secured(fd); err == nil {
			err = wire.Handshake(over, o.Addr, "/")
		}
	case o.Offer == "":
		err = wire.Handshake(blocking(fd), o.Addr, "/")
	default:
		agreed, err = wire.HandshakeOffering(blocking(fd), o.Addr, "/", o.Offer)
	}
	if err != nil {
		return nil, agreed, err
	}
	return over, agreed, unix.SetNonblock(fd, true)
}

// connect waits for the connection even if a signal interrupts the call, as
// those of Go's scheduler do: the attempt goes on without it.
func connect(fd int, addr unix.Sockaddr) error {
	err := unix.Connect(fd, addr)
	if err != unix.EINTR {
		return err
	}
	pending := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	for {
		n, err := unix.Poll(pending, int(stall.Milliseconds()))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		if n == 0 {
			return unix.ETIMEDOUT
		}
		break
	}
	errno, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && errno != 0 {
		err = syscall.Errno(errno)
	}
	return err
}

func configure(fd int) error {
	patience := unix.NsecToTimeval(stall.Nanoseconds())
	return errors.Join(
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &patience),
		// Closing resets: no port is left waiting when the next server's
		// connections come.
		unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}),
	)
}

// blocking is a blocking socket as an io.ReadWriter, for the handshake.
type blocking int

func (fd blocking) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(int(fd), p)
		if err == unix.EINTR {
			continue
		}
		if n == 0 && err == nil {
			return 0, net.ErrClosed
		}
		return max(n, 0), err
	}
}

func (fd blocking) Write(p []byte) (int, error) {
	for {
		n, err := unix.Write(int(fd), p)
		if err == unix.EINTR {
			continue
		}
		return max(n, 0), err
	}
}
