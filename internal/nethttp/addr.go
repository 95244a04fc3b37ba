package nethttp

import (
	"net/http"
	"net/netip"

	"github.com/framerail/framerail/internal/platform"
)

// PeerOf is the address of the other end of a request's socket, if it is known.
func PeerOf(r *http.Request) netip.AddrPort {
	if c := Of(r); c != nil {
		return platform.AddrPort(c.Conn.RemoteAddr())
	}
	return RemoteOf(r)
}

// RemoteOf is the address of a request's client; zero if it has no IP address.
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
