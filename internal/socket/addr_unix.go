//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package socket

import (
	"net"
	"net/netip"
	"strconv"

	"github.com/framerail/framerail/internal/inject"
	"golang.org/x/sys/unix"
)

// LocalAddr returns the address fd is bound to, in the form Accept gives, or
// the zero AddrPort when there is none: a unix socket, a closed descriptor.
func LocalAddr(fd int) netip.AddrPort {
	sa, err := unix.Getsockname(fd)
	if err != nil || inject.Of(inject.LocalAddr) != 0 {
		return netip.AddrPort{}
	}
	return addrPort(sa)
}

// RemoteAddr returns the address of the peer, in the form Accept gives, or the
// zero AddrPort when there is none: a unix socket, a peer that is gone.
func RemoteAddr(fd int) netip.AddrPort {
	sa, err := unix.Getpeername(fd)
	if err != nil || inject.Of(inject.RemoteAddr) != 0 {
		return netip.AddrPort{}
	}
	return addrPort(sa)
}

func addrPort(sa unix.Sockaddr) netip.AddrPort {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return addrPort4(sa.Addr, uint16(sa.Port))
	case *unix.SockaddrInet6:
		return addrPort6(sa.Addr, sa.ZoneId, uint16(sa.Port))
	default:
		return netip.AddrPort{}
	}
}

func addrPort4(addr [4]byte, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4(addr), port)
}

// addrPort6 unmaps IPv4 addresses that come in over an IPv6 socket, so that a
// client has one address whichever way it was accepted. Link-local addresses
// keep their zone, named as package net names it.
func addrPort6(addr [16]byte, scope uint32, port uint16) netip.AddrPort {
	ip := netip.AddrFrom16(addr).Unmap()
	if scope != 0 && ip.Is6() {
		ip = ip.WithZone(zone(scope))
	}
	return netip.AddrPortFrom(ip, port)
}

// zone names a network interface, or numbers it when it has gone since.
func zone(index uint32) string {
	if i, err := net.InterfaceByIndex(int(index)); err == nil {
		return i.Name
	}
	return strconv.FormatUint(uint64(index), 10)
}
