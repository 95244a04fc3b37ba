package gate

import (
	"encoding/binary"
	"net/netip"
)

// addressKey stands for an IPv4 address, or for the first 64 bits of an IPv6 address: one customer has
// all addresses with these.
type addressKey uint64

// ipv4Key marks keys of IPv4 addresses. No IPv6 address is in 00ff::/16, which is reserved.
const ipv4Key addressKey = 0x00ff << 48

// key is the key of an address; false if it has no limit of its own.
func (a *Admission) key(addr netip.Addr) (key addressKey, bounded bool) {
	if a.perAddress == 0 || !addr.IsValid() || a.exempt && isPrivate(addr) {
		return 0, false
	}
	return keyOf(addr), true
}

// keyOf is the key of an address, whether it has a limit of its own or not; 0 for none.
func keyOf(addr netip.Addr) addressKey {
	switch addr = addr.Unmap(); {
	case !addr.IsValid():
		return 0
	case addr.Is4():
		b := addr.As4()
		return ipv4Key | addressKey(binary.BigEndian.Uint32(b[:]))
	default:
		b := addr.As16()
		return addressKey(binary.BigEndian.Uint64(b[:]))
	}
}

// sharedSpace is the shared address space of RFC 6598, inside networks of providers.
var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")

// isPrivate reports whether an address is of the same machine or network. A proxy may have it, through
// which all clients come.
func isPrivate(addr netip.Addr) bool {
	addr = addr.Unmap()
	return addr.IsLoopback() || addr.IsPrivate() || addr.IsLinkLocalUnicast() || sharedSpace.Contains(addr)
}
