package socket

import (
	"encoding/binary"
	"net/netip"
	"os"
	"unsafe"

	"github.com/framerail/framerail/internal/inject"
	"golang.org/x/sys/unix"
)

// Accept takes the next connection off a listening socket. The new descriptor
// is non-blocking and closed on exec; remote is its peer, or the zero AddrPort
// over unix sockets. ClassifyAccept tells what to do about an error.
func Accept(fd int) (nfd int, remote netip.AddrPort, err error) {
	for {
		var sa unix.RawSockaddrAny
		size := uint32(unsafe.Sizeof(sa))
		r, errno := uintptr(0), inject.Of(inject.Accept)
		if errno == 0 {
			r, _, errno = unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd),
				uintptr(unsafe.Pointer(&sa)), uintptr(unsafe.Pointer(&size)),
				unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
		}
		switch errno {
		case 0:
			return int(r), rawAddrPort(&sa), nil
		case unix.EAGAIN:
			return -1, netip.AddrPort{}, ErrWouldBlock
		case unix.EINTR:
			continue
		default:
			return -1, netip.AddrPort{}, os.NewSyscallError("accept4", errno)
		}
	}
}

// rawAddrPort reads the kernel's form of an address: x/sys's would allocate.
func rawAddrPort(sa *unix.RawSockaddrAny) netip.AddrPort {
	switch sa.Addr.Family {
	case unix.AF_INET:
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		return addrPort4(in.Addr, networkOrder(&in.Port))
	case unix.AF_INET6:
		in := (*unix.RawSockaddrInet6)(unsafe.Pointer(sa))
		return addrPort6(in.Addr, in.Scope_id, networkOrder(&in.Port))
	default:
		return netip.AddrPort{}
	}
}

// networkOrder reads a port, which is big-endian on every machine.
func networkOrder(port *uint16) uint16 {
	return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(port))[:])
}
