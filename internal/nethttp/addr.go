package nethttp

import (
	"net"
	"net/http"
	"net/netip"
)

// AddrPort is an address of package net's; zero if it is none of IP.
func AddrPort(addr net.Addr) netip.AddrPort {
	a, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// PeerOf is the address of the other end of a request's socket, as far as it is known.
func PeerOf(r *http.Request) netip.AddrPort {
	if c := Of(r); c != nil {
		return AddrPort(c.Conn.RemoteAddr())
	}
	return RemoteOf(r)
}

// RemoteOf is the address of a request's client; zero if it has none of IP.
func RemoteOf(r *http.Request) netip.AddrPort {
	if addr, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	}
	addr, err := netip.ParseAddr(r.RemoteAddr) // as middleware for proxies writes it
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(addr.Unmap(), 0)
}
