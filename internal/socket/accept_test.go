//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package socket

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestAccept(t *testing.T) {
	mapped := &unix.SockaddrInet6{} // all addresses, IPv4 included
	for name, test := range map[string]struct {
		listen unix.Sockaddr
		dial   func(at unix.Sockaddr) unix.Sockaddr
		want   string // address of both ends
	}{
		"ipv4": {loopback(), nil, "127.0.0.1"},
		"ipv6": {&unix.SockaddrInet6{Addr: netip.IPv6Loopback().As16()}, nil, "::1"},
		"ipv4_over_ipv6": {mapped, func(at unix.Sockaddr) unix.Sockaddr {
			return &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: at.(*unix.SockaddrInet6).Port}
		}, "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			listener, at := listen(t, test.listen)
			if fd, _, err := Accept(listener); fd != -1 || err != ErrWouldBlock {
				t.Fatalf("nobody there: %d, %v", fd, err)
			}
			if test.dial != nil {
				at = test.dial(at)
			}
			theirs := dial(t, at)
			defer unix.Close(theirs)
			ours, remote, err := acceptSoon(listener)
			must(t, err)
			defer unix.Close(ours)

			if got, want := remote.Addr(), netip.MustParseAddr(test.want); got != want {
				t.Errorf("remote address %v, want %v", got, want)
			}
			if remote != LocalAddr(theirs) || remote != RemoteAddr(ours) {
				t.Errorf("remote %v, but the peer is at %v and RemoteAddr says %v", remote, LocalAddr(theirs), RemoteAddr(ours))
			}
			if LocalAddr(ours) != RemoteAddr(theirs) || LocalAddr(ours).Port() == 0 {
				t.Errorf("local %v, but the peer dialled %v", LocalAddr(ours), RemoteAddr(theirs))
			}
			expectFlags(t, ours)
		})
	}
}

// expectFlags fails unless fd does not block and does not survive an exec.
func expectFlags(t *testing.T, fd int) {
	t.Helper()
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0); err != nil || flags&unix.O_NONBLOCK == 0 {
		t.Errorf("flags %#x, %v: not non-blocking", flags, err)
	}
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("flags %#x, %v: not closed on exec", flags, err)
	}
}

func TestAccept_over_a_unix_socket(t *testing.T) {
	listener, at := listen(t, &unix.SockaddrUnix{Name: filepath.Join(t.TempDir(), "s")})
	theirs := dial(t, at)
	defer unix.Close(theirs)
	ours, remote, err := acceptSoon(listener)
	must(t, err)
	defer unix.Close(ours)
	for name, addr := range map[string]netip.AddrPort{
		"accepted": remote, "LocalAddr": LocalAddr(ours), "RemoteAddr": RemoteAddr(ours),
	} {
		if addr != (netip.AddrPort{}) {
			t.Errorf("%s: %v, want the zero AddrPort", name, addr)
		}
	}
	expectFlags(t, ours)
	must(t, SetNoDelay(ours, true))
}

func TestAccept_out_of_descriptors(t *testing.T) {
	listener, at := listen(t, loopback())
	theirs := dial(t, at)
	defer unix.Close(theirs)

	var limit unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	low := limit
	low.Cur = 3 // standard input, output and error
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &low))
	fd, _, err := Accept(listener)
	must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))

	if fd != -1 || !errors.Is(err, syscall.EMFILE) {
		t.Fatalf("%d, %v, want EMFILE", fd, err)
	}
	if v := ClassifyAccept(err); v != AcceptPause {
		t.Errorf("verdict %d, want AcceptPause", v)
	}
	// The connection waited.
	fd, _, err = acceptSoon(listener)
	must(t, err)
	must(t, Close(fd))
}

func TestClassifyAccept(t *testing.T) {
	wrapped := func(errno error) error { return fmt.Errorf("listener: %w", wrap("accept", errno)) }
	for _, test := range []struct {
		err  error
		want AcceptVerdict
	}{
		{nil, AcceptOK},
		{ErrWouldBlock, AcceptWait},
		{wrapped(unix.EAGAIN), AcceptWait},
		{unix.EAGAIN, AcceptWait},
		{wrapped(unix.ECONNABORTED), AcceptNext},
		{wrapped(unix.EPROTO), AcceptNext},
		{wrapped(unix.EINTR), AcceptNext},
		{wrapped(unix.EHOSTUNREACH), AcceptNext},
		{wrapped(unix.EMFILE), AcceptPause},
		{wrapped(unix.ENFILE), AcceptPause},
		{wrapped(unix.ENOBUFS), AcceptPause},
		{wrapped(unix.ENOMEM), AcceptPause},
		{wrapped(unix.EPERM), AcceptPause},
		{wrapped(unix.Errno(9999)), AcceptPause},
		{wrapped(unix.EBADF), AcceptFatal},
		{wrapped(unix.EINVAL), AcceptFatal},
		{wrapped(unix.ENOTSOCK), AcceptFatal},
		{wrapped(unix.EOPNOTSUPP), AcceptFatal},
		{errors.New("something else"), AcceptFatal},
	} {
		if got := ClassifyAccept(test.err); got != test.want {
			t.Errorf("%v: %d, want %d", test.err, got, test.want)
		}
	}
}

// What a descriptor that is no listener makes of Accept must end a loop.
func TestClassifyAccept_of_no_listener(t *testing.T) {
	connected, _ := pair(t)
	idle, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	must(t, err)
	defer unix.Close(idle)
	for name, fd := range map[string]int{"connected": connected, "idle": idle, "closed": 4095} {
		_, _, err := Accept(fd)
		if v := ClassifyAccept(err); v != AcceptFatal {
			t.Errorf("%s: %v has verdict %d, want AcceptFatal", name, err, v)
		}
	}
}

func TestLink_local_addresses_keep_their_zone(t *testing.T) {
	interfaces, err := net.Interfaces()
	if err != nil || len(interfaces) == 0 {
		t.Skip("no interfaces")
	}
	some := interfaces[0]
	ip := netip.MustParseAddr("fe80::1")
	if got, want := addrPort6(ip.As16(), uint32(some.Index), 80), "[fe80::1%"+some.Name+"]:80"; got.String() != want {
		t.Errorf("%v, want %s", got, want)
	}
	if got, want := addrPort6(ip.As16(), 1<<30, 80), "[fe80::1%1073741824]:80"; got.String() != want {
		t.Errorf("interface that is gone: %v, want %s", got, want)
	}
	if got, want := addrPort6(ip.As16(), 0, 80), "[fe80::1]:80"; got.String() != want {
		t.Errorf("without a zone: %v, want %s", got, want)
	}
}
