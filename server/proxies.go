package server

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/framerail/framerail/internal/forwarded"
)

// Proxies names the proxies that the server believes about a client's address. Zero: none. Then the
// peer of a connection is the client, whatever its request claims.
//
// [conn.Conn.RemoteAddr] is then the client's address. The request, the log and the limits by address
// use it too. [conn.Conn.PeerAddr] is the proxy's. A proxy's own connections count only in
// MaxConnections. An HTTP proxy may stand before one that speaks the PROXY protocol. Then the
// address in the PROXY header is the peer whose field is read.
type Proxies struct {
	// Protocol names the proxies whose connections begin with a header of the PROXY protocol,
	// version 1 or 2. HAProxy, nginx's stream module and the balancers of clouds send it, before
	// TLS if there is TLS.
	//
	// The header is required: at most 4,096 bytes within HandshakeTimeout. A connection without
	// a valid one is closed, logged, and counted as [ReasonProxyHeader]. If the server guessed, any
	// client could claim any address. From other peers the header is refused like any other bad
	// request.
	//
	// If a header names no client, such as a health check's, the proxy is the client. So it is
	// for clients over UDP and unix sockets. A checksum in a header is verified. The destination
	// is ignored. For Upgrade within an http.Server use ProxyListener.
	Protocol Trust

	// Forwarded names the proxies that write the client's address into ForwardedField. Each proxy
	// appends the address from which it got the request. So the field is read from its right end:
	// the first address that is not in Forwarded is the client's. At most sixteen proxies are
	// believed. Anyone may have written the elements to the left of that, so they are ignored. If
	// a proxy gives no valid address, that proxy is the client. The port is 0 if none is given.
	//
	// The same proxy may say that the client uses https, in the field's proto or in
	// X-Forwarded-Proto. Then a page of the same origin must use https too.
	Forwarded Trust
	// ForwardedField is the field that the proxies set or append to. Only this field is read. Do not
	// name a field that the proxies pass on as the client has written it. "Forwarded" is read by
	// RFC 7239, any other field as a list of addresses. Empty: X-Forwarded-For.
	ForwardedField string
}

// Trust is a set of peers to believe. Zero: none.
type Trust struct {
	// Networks have the addresses of trusted proxies, and of nothing else.
	Networks []netip.Prefix
	// Unix trusts every peer over a unix socket. Use it only if no other program may open the
	// socket.
	Unix bool
}

// has reports whether to believe a peer. A peer over a unix socket has no address.
func (t *Trust) has(addr netip.Addr, unix bool) bool {
	if !addr.IsValid() {
		return unix && t.Unix
	}
	addr = addr.Unmap().WithZone("") // a prefix has none
	return slices.ContainsFunc(t.Networks, func(p netip.Prefix) bool { return p.Contains(addr) })
}

func (t *Trust) isEmpty() bool { return len(t.Networks) == 0 && !t.Unix }

func (t *Trust) validate(name string) error {
	for _, p := range t.Networks {
		if !p.IsValid() || p.Addr().Is4In6() {
			return fmt.Errorf("framerail: Proxies.%s has a network that is none: %v", name, p)
		}
	}
	return nil
}

// defaultForwardedField is what most proxies append to.
const defaultForwardedField = "X-Forwarded-For"

func (p *Proxies) validate() error {
	switch {
	case p.ForwardedField == "":
	case !forwarded.ValidField(p.ForwardedField):
		return fmt.Errorf("framerail: Proxies.ForwardedField is no field name: %q", p.ForwardedField)
	case p.Forwarded.isEmpty():
		return errors.New("framerail: Proxies.ForwardedField is set, but Proxies.Forwarded is nobody")
	}
	return errors.Join(p.Protocol.validate("Protocol"), p.Forwarded.validate("Forwarded"))
}

// withDefaults is a copy for a server that starts.
func (p Proxies) withDefaults() Proxies {
	p.Protocol.Networks = slices.Clone(p.Protocol.Networks)
	p.Forwarded.Networks = slices.Clone(p.Forwarded.Networks)
	if p.ForwardedField == "" {
		p.ForwardedField = defaultForwardedField
	}
	return p
}

// own is the address by which a peer is itself counted: none for a proxy, since its clients
// are, once they are known. Before it has sent anything it may be of either kind.
func (p *Proxies) own(addr netip.Addr, unix, silent bool) netip.Addr {
	if p.Forwarded.has(addr, unix) || silent && p.Protocol.has(addr, unix) {
		return netip.Addr{}
	}
	return addr
}
