package forwarded

import (
	"net/netip"
	"strings"

	"github.com/framerail/framerail/internal/token"
)

// parseNode reads an IP address and, if there is one, its port (RFC 7239 6). It rejects names,
// "unknown" and hidden addresses.
func parseNode[T token.Text](node T) (addr netip.AddrPort, ok bool) {
	if len(node) == 0 {
		return addr, false
	}
	host, port := string(node), ""
	bracketed := host[0] == '['
	if bracketed {
		host, port, ok = strings.Cut(host[1:], "]")
		if !ok {
			return addr, false
		}
	} else if i := strings.IndexByte(host, ':'); i >= 0 && i == strings.LastIndexByte(host, ':') {
		host, port = host[:i], host[i:]
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || ip.Zone() != "" || ip.Is4() && bracketed {
		return addr, false
	}
	n, ok := parsePort(port)
	return netip.AddrPortFrom(ip.Unmap(), n), ok
}

// parsePort reads a colon and one to five digits. An empty or a hidden port is 0 (RFC 7239
// 6.3).
func parsePort(s string) (port uint16, ok bool) {
	if s == "" {
		return 0, true
	}
	if len(s) < 2 || s[0] != ':' {
		return 0, false
	}
	s = s[1:]
	if s[0] == '_' {
		return 0, isHidden(s[1:])
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' || i == len("65535") {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return uint16(n), n <= 0xffff
}

// isHidden reports whether c may follow the underscore of a hidden port.
func isHidden(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !token.Is[c] || strings.IndexByte("!#$%&'*+^`|~", c) >= 0 {
			return false
		}
	}
	return s != ""
}
