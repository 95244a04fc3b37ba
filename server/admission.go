package server

import (
	"encoding/binary"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/platform"
)

// admission counts the connections there are, in all and from each address, and
// decides on new ones. Safe from any goroutine; it costs a lock for each connection
// that comes or goes.
type admission struct {
	total      int  // the most there may be; 0: no limit
	perAddress int  // the most from one address; 0: no limit
	exempt     bool // private addresses have no limit of their own
	refusing   int  // the most that may be told that they are too many

	mu      sync.Mutex
	open    int                   // those counted
	surplus int                   // those to be refused
	from    map[addressKey]uint32 // open, by address
	peak    int                   // the most entries that from had: its memory
}

// standing is how a connection stands with the admission, from accept to close.
type standing uint8

const (
	uncounted   standing = iota // not to be counted, or no longer
	counted                     // in all
	countedBoth                 // in all and by its address
	overTotal                   // to be refused: too many in all
	overAddress                 // to be refused: too many from its address
	awayTotal                   // not even that: too many are being refused
	awayAddress
)

// errTooMany and errTooManyFromAddress answer those that are too many.
var (
	errTooMany = &handshake.Refusal{
		Status: http.StatusServiceUnavailable,
		Reason: "too many connections (RFC 9110 15.6.4)",
		Header: http.Header{"Retry-After": {"5"}},
	}
	errTooManyFromAddress = &handshake.Refusal{
		Status: http.StatusTooManyRequests,
		Reason: "too many connections from this address (RFC 6585 4)",
		Header: http.Header{"Retry-After": {"5"}},
	}
)

// refusal is the answer to a connection that is too many; nil if it is not.
func (s standing) refusal() *handshake.Refusal {
	switch s {
	case overTotal, awayTotal:
		return errTooMany
	case overAddress, awayAddress:
		return errTooManyFromAddress
	}
	return nil
}

// away is how one stands who is not to be told so.
func (s standing) away() standing {
	if s == overAddress || s == awayAddress {
		return awayAddress
	}
	return awayTotal
}

// init takes the limits over, with defaults for those that are 0.
func (a *admission) init(l *Limits, s platform.Sockets) {
	byDescriptors := descriptorsUnknown
	if n, ok := s.Limit(); ok {
		byDescriptors = n
	}
	byDescriptors -= min(max(byDescriptors/descriptorShare, reserveMin), reserveMax)
	byDescriptors = max(byDescriptors, 1)

	a.total = l.MaxConnections
	if a.total == 0 {
		a.total = byDescriptors
	}
	a.perAddress = l.MaxConnectionsPerAddress
	if a.perAddress == 0 {
		all := a.total
		if all < 0 {
			all = byDescriptors
		}
		a.perAddress, a.exempt = max(all/addressShare, addressMin), true
	}
	a.total, a.perAddress = max(a.total, 0), max(a.perAddress, 0)
	a.refusing = refusingMax
	if a.total > 0 {
		a.refusing = min(max(a.total/refusingShare, refusingMin), refusingMax)
	}
	a.from = make(map[addressKey]uint32)
}

// enter counts a new connection and says how it stands. Each is to leave with that.
func (a *admission) enter(addr netip.Addr) standing {
	key, bounded := a.key(addr)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.total > 0 && a.open >= a.total {
		return a.refuse(overTotal, awayTotal)
	}
	if !bounded {
		a.open++
		return counted
	}
	a.open++
	return a.enterAddress(key)
}

// enterAddress counts a connection by its address that is counted in all. mu is held.
func (a *admission) enterAddress(key addressKey) standing {
	n := a.from[key]
	if int64(n) >= int64(a.perAddress) {
		a.open--
		return a.refuse(overAddress, awayAddress)
	}
	a.from[key] = n + 1
	a.peak = max(a.peak, len(a.from))
	return countedBoth
}

// place counts a connection that stands as counted by an address that has become known, too,
// and says how it stands then.
func (a *admission) place(addr netip.Addr, s standing) standing {
	key, bounded := a.key(addr)
	if s != counted || !bounded {
		return s
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.enterAddress(key)
}

// displace undoes place, which has had a connection that is to stay stand so.
func (a *admission) displace(addr netip.Addr, s standing) {
	switch s {
	case countedBoth, overAddress, awayAddress:
		a.leave(addr, s)
		a.mu.Lock()
		a.open++
		a.mu.Unlock()
	}
}

// refuse is over, or away if too many are over already. mu is held.
func (a *admission) refuse(over, away standing) standing {
	if a.surplus >= a.refusing {
		return away
	}
	a.surplus++
	return over
}

// leave takes a connection out, as it was entered.
func (a *admission) leave(addr netip.Addr, s standing) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch s {
	case counted:
		a.open--
	case countedBoth:
		a.open--
		key, _ := a.key(addr)
		if n := a.from[key]; n > 1 {
			a.from[key] = n - 1
			return
		}
		delete(a.from, key)
		a.shrink()
	case overTotal, overAddress:
		a.surplus--
	}
}

// shrinkBelow is how many entries a map may have room for without being looked at.
const shrinkBelow = 1024

// shrink gives memory back: a map does not, however little is left in it. mu is held.
func (a *admission) shrink() {
	if a.peak < shrinkBelow || len(a.from) > a.peak/8 {
		return
	}
	from := make(map[addressKey]uint32, len(a.from))
	for key, n := range a.from {
		from[key] = n
	}
	a.from, a.peak = from, len(from)
}

// addressKey stands for an IPv4 address or the first 64 bits of an IPv6 one, which are
// one customer's.
type addressKey uint64

// ipv4Key is the network in which IPv4 addresses are put: no IPv6 address is in
// 00ff::/16, which is reserved.
const ipv4Key addressKey = 0x00ff << 48

// key is the key of an address; false if it has no limit of its own.
func (a *admission) key(addr netip.Addr) (key addressKey, bounded bool) {
	if a.perAddress == 0 || !addr.IsValid() || a.exempt && isPrivate(addr) {
		return 0, false
	}
	return keyOf(addr), true
}

// keyOf stands for an address, whether it has a limit of its own or not; 0 for none.
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

// sharedSpace is that of RFC 6598, within networks of providers and of machines.
var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")

// isPrivate tells an address of the same machine or network, where a proxy may be,
// behind which is everyone.
func isPrivate(addr netip.Addr) bool {
	addr = addr.Unmap()
	return addr.IsLoopback() || addr.IsPrivate() || addr.IsLinkLocalUnicast() || sharedSpace.Contains(addr)
}

// letIn gives an accepted connection to a loop, be it to be refused, or closes it.
func (r *running) letIn(a arrival) {
	a.standing = r.admission.enter(r.proxies.own(a.remote.Addr(), a.unix, true))
	if a.tls != nil {
		a.standing = r.beforeTLS(a.standing)
	}
	if a.standing.refusal() != nil && !r.refusals.take(r.kernel.Now()) {
		a.standing = r.admission.unsaid(a.standing)
	}
	switch a.standing {
	case awayTotal, awayAddress:
		refusal := a.standing.refusal()
		r.logRefusal(a.remote, refusal)
		r.turnDown(a, reasonOf(refusal))
	case overTotal, overAddress: // which others do not wait for
		r.leastLoaded().deliver(a)
	default:
		r.waiting.enter(a)
	}
}

// unsaid takes one out who was to be told, and is how it stands then.
func (a *admission) unsaid(s standing) standing {
	a.leave(netip.Addr{}, s) // which counts by no address
	return s.away()
}

// beforeTLS is how one stands who could be told only behind a TLS handshake.
func (r *running) beforeTLS(s standing) standing {
	if s != overTotal && s != overAddress || r.told.take(r.kernel.Now()) {
		return s
	}
	return r.admission.unsaid(s)
}

// patience is how long a connection may take for its request.
func (r *running) patience(s standing) time.Duration {
	if s.refusal() != nil {
		return min(r.handshakeTimeout, lingerTimeout) // it holds the place of another
	}
	return r.handshakeTimeout
}
