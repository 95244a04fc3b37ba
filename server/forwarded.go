package server

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/framerail/framerail/internal/forwarded"
	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/handshake"
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

// identify has a client go by the address that a proxy tells in its request, and says
// whether it has come by https. It is false if the client is one too many.
func (l *phases) identify(cl *tenant, req *handshake.Request) (https, ok bool) {
	remote, https := l.run.proxies.clientOf(cl, req)
	if remote == cl.RemoteAddr() {
		return https, true
	}
	if !l.rename(cl, remote, false) {
		return https, false
	}
	if excess := cl.ticket().Refusal(); excess != nil {
		l.refuseRequest(cl, req, excess)
		return https, false
	}
	return https, true
}

// clientOf is originator for a request as a loop has it.
func (p *Proxies) clientOf(cl *tenant, req *handshake.Request) (netip.AddrPort, bool) {
	if p.Forwarded.isEmpty() {
		return cl.RemoteAddr(), false
	}
	return originator(p, cl.RemoteAddr(), cl.isUnix(), func(field string) (lines [][]byte) {
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

// isUnix tells whether the client's socket is a unix one. Not to have an address is not
// enough: a peer that is gone has none either.
func (cl *tenant) isUnix() bool {
	return !cl.RemoteAddr().IsValid() && !cl.Below().LocalAddr().IsValid()
}

// isUnixHTTP is isUnix for a request that net/http has read.
func isUnixHTTP(hr *http.Request) bool {
	local, ok := hr.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return ok && gate.IsUnix(local)
}
