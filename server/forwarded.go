package server

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/framerail/framerail/internal/forwarded"
	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/phase"
)

// forwardedProto is where proxies tell how the client has come that do not write Forwarded.
const forwardedProto = "X-Forwarded-Proto"

// originator returns the client that has sent a request, and whether it used https according to a trusted
// peer. lines returns the lines of a field in order.
func originator[T []byte | string](p *Proxies, peer netip.AddrPort, unix bool, lines func(field string) []T) (client netip.AddrPort, https bool) {
	trusted := func(addr netip.Addr) bool { return p.Forwarded.has(addr, unix) }
	if !trusted(peer.Addr()) {
		return peer, false
	}
	var proto T
	if strings.EqualFold(p.ForwardedField, "Forwarded") {
		client, proto = forwarded.Client(peer, lines(p.ForwardedField), forwarded.Standard, trusted)
	} else {
		client, _ = forwarded.Client(peer, lines(p.ForwardedField), forwarded.Plain, trusted)
		proto = forwarded.Last(lines(forwardedProto))
	}
	return client, strings.EqualFold(string(proto), "https") || strings.EqualFold(string(proto), "wss")
}

// trusted is Proxies as the phases see them.
type trusted struct{ *Proxies }

var _ phase.Proxies = trusted{}

// SendHeader implements phase.Proxies, as the next two do.
func (p trusted) SendHeader(addr netip.Addr, unix bool) bool { return p.Protocol.has(addr, unix) }

// CountedAs returns the address by which a client is counted that a proxy has named.
func (p trusted) CountedAs(addr netip.Addr) netip.Addr { return p.own(addr, false, false) }

// ClientOf returns the client that has sent a request.
func (p trusted) ClientOf(t *phase.Tenant, req *handshake.Request) (remote netip.AddrPort, https bool) {
	return p.clientOf(t, req)
}

// clientOf is originator for a request as a loop has it.
func (p *Proxies) clientOf(cl *phase.Tenant, req *handshake.Request) (netip.AddrPort, bool) {
	if p.Forwarded.isEmpty() {
		return cl.RemoteAddr(), false
	}
	return originator(p, cl.RemoteAddr(), cl.IsUnix(), func(field string) (lines [][]byte) {
		for name, value := range req.Headers {
			if strings.EqualFold(string(name), field) {
				lines = append(lines, value)
			}
		}
		return lines
	})
}

// clientOfHTTP is originator for a request that net/http has read.
func (p *Proxies) clientOfHTTP(hr *http.Request, peer netip.AddrPort) (netip.AddrPort, bool) {
	if p.Forwarded.isEmpty() {
		return peer, false
	}
	return originator(p, peer, isUnixHTTP(hr), func(field string) []string {
		return hr.Header[http.CanonicalHeaderKey(field)]
	})
}

// isUnixHTTP reports whether a request that net/http has read came over a unix socket.
func isUnixHTTP(hr *http.Request) bool {
	local, ok := hr.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return ok && gate.IsUnix(local)
}
