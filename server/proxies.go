package server

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/framerail/framerail/internal/forwarded"
)

// Proxies says through which proxies clients come, and so whose word is taken for a
// client's address. Zero: nobody's; who connects is the client, whatever it claims.
//
// The address that results is what [conn.Conn.RemoteAddr], the request and the log have,
// and what the limits by address go by; [conn.Conn.PeerAddr] has the proxy's. The
// connections of a proxy itself count among MaxConnections alone. A proxy that speaks HTTP
// may stand before one that speaks the PROXY protocol: what the latter tells is then the
// peer whose field is looked at.
type Proxies struct {
	// Protocol is whose connections begin with a header of the PROXY protocol, version 1 or
	// 2, as HAProxy, nginx's stream module and the balancers of clouds send it, before TLS
	// if there is TLS. It is required there: a connection without a good one, of 4,096
	// bytes at most and within HandshakeTimeout, is closed, logged and counted as
	// [ProxyHeader], since to guess is to let everyone pass for anyone. From all others it
	// is not understood, and refused like any other bad request. A header that tells no
	// client, such as a health check's, leaves the proxy as the client. UDP's and unix
	// sockets' clients count as not told. A checksum in a header is verified; the destination
	// is not looked at. For Upgrade within an http.Server there is ProxyListener.
	Protocol Trust

	// Forwarded is whose requests tell the client in ForwardedField. Each proxy appends
	// whom it got the request from, so the field is read from its right end: the first
	// address there that is not of Forwarded is the client's. Sixteen proxies are believed
	// at most. What stands to the left anyone may have written, and is not looked at. If
	// a proxy tells no address that can be understood, that proxy is the client. The port is
	// 0 if none is told.
	//
	// Where the same proxy says that the client has come by https, in the field's proto or
	// in X-Forwarded-Proto, a page of the same origin must have, too.
	Forwarded Trust
	// ForwardedField is the one field that is looked at: what the proxies set or append to.
	// A field that they let pass as the client has written it must not be named here.
	// "Forwarded" is read as RFC 7239 has it, any other as a list of addresses. Empty:
	// X-Forwarded-For.
	ForwardedField string
}

// Trust is whom to believe. Zero: nobody.
type Trust struct {
	// Networks are those that only proxies to be believed have addresses in.
	Networks []netip.Prefix
	// Unix says that who connects over a unix socket is one, as is sound if nobody else
	// may open it.
	Unix bool
}

// has tells whether to believe a peer, which has no address if it is over a unix socket.
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
