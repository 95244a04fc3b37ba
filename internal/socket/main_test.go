//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package socket

import (
	"errors"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/framerail/framerail/internal/test/leaks"
)

func TestMain(m *testing.M) { leaks.Main(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// pair makes two connected non-blocking unix sockets that end with the test.
func pair(t testing.TB) (ours, theirs int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	must(t, err)
	for _, fd := range fds {
		must(t, SetNonblock(fd, true))
		t.Cleanup(func() { unix.Close(fd) })
	}
	return fds[0], fds[1]
}

func familyOf(addr unix.Sockaddr) int {
	switch addr.(type) {
	case *unix.SockaddrInet4:
		return unix.AF_INET
	case *unix.SockaddrInet6:
		return unix.AF_INET6
	}
	return unix.AF_UNIX
}

// listen makes a non-blocking listening socket that ends with the test.
func listen(t testing.TB, addr unix.Sockaddr) (fd int, at unix.Sockaddr) {
	t.Helper()
	family := familyOf(addr)
	fd, err := unix.Socket(family, unix.SOCK_STREAM, 0)
	if family == unix.AF_INET6 && errors.Is(err, syscall.EAFNOSUPPORT) {
		t.Skip("this system has no IPv6")
	}
	must(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	must(t, SetNonblock(fd, true))
	if family == unix.AF_INET6 {
		must(t, unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0))
	}
	if err := unix.Bind(fd, addr); errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Skip("no such address here")
	} else {
		must(t, err)
	}
	must(t, unix.Listen(fd, 128))
	at, err = unix.Getsockname(fd)
	must(t, err)
	return fd, at
}

// loopback is an IPv4 address whose port the system chooses.
func loopback() *unix.SockaddrInet4 {
	return &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
}

// dial connects a blocking socket to addr. The caller closes it.
func dial(t testing.TB, addr unix.Sockaddr) int {
	t.Helper()
	family := familyOf(addr)
	fd, err := unix.Socket(family, unix.SOCK_STREAM, 0)
	must(t, err)
	must(t, unix.Connect(fd, addr))
	return fd
}

// tcpPair makes two connected TCP sockets, ours by Accept. The caller closes
// theirs, for instance with SetLinger(theirs, 0).
func tcpPair(t testing.TB) (ours, theirs int) {
	t.Helper()
	listener, addr := listen(t, loopback())
	theirs = dial(t, addr)
	ours, _, err := acceptSoon(listener)
	must(t, err)
	t.Cleanup(func() { unix.Close(ours) })
	return ours, theirs
}

// acceptSoon accepts a connection that is on its way.
func acceptSoon(listener int) (fd int, remote netip.AddrPort, err error) {
	soon(func() bool {
		fd, remote, err = Accept(listener)
		return err != ErrWouldBlock
	})
	return fd, remote, err
}

// soon calls f until it is true, or for long enough that it never will be.
func soon(f func() bool) bool {
	for range 60_000 {
		if f() {
			return true
		}
		time.Sleep(time.Millisecond)
	}
	return false
}
