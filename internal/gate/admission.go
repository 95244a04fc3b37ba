package gate

import (
	"net/netip"

	"github.com/framerail/framerail/internal/guard"
	"github.com/framerail/framerail/internal/platform"
)

// Admission counts connections, in all and by address, and decides on new ones. Safe from any goroutine. It
// takes a lock for each connection that comes or goes.
type Admission struct {
	total      int  // the most there may be; 0: no limit
	perAddress int  // the most from one address; 0: no limit
	exempt     bool // private addresses have no limit of their own
	excessMost int  // the most beyond the limits that may be answered

	mu     guard.LoneMutex
	open   int                   // those admitted
	excess int                   // those beyond the limits that are being answered
	from   map[addressKey]uint32 // open, by address
	peak   int                   // the most entries that from had: its memory
}

const (
	// descriptorShare is the part of all descriptors that is left to the rest of the program
	// by default. It is at least reserveMin and at most reserveMax.
	descriptorShare = 32
	reserveMin      = 16
	reserveMax      = 1024
	// descriptorsUnknown is the assumed limit on descriptors if there is none.
	descriptorsUnknown = 1 << 20
	// addressShare is the part of all connections that one address may have by default. It
	// is at least addressMin, because hundreds of people share one address of a mobile
	// network.
	addressShare = 8
	addressMin   = 16
	// excessShare is the part of all connections that may exist beyond the limit while they
	// are answered. It is at least ExcessMin and at most excessMax.
	excessShare = 64
	ExcessMin   = 4
	excessMax   = 256
)

// Init sets how many connections there may be in all, and from one address. 0: a part of the limit on
// descriptors. Negative: no limit.
func (a *Admission) Init(total, perAddress int, s platform.Sockets) {
	byDescriptors := descriptorsUnknown
	if n, ok := s.Limit(); ok {
		byDescriptors = n
	}
	byDescriptors -= min(max(byDescriptors/descriptorShare, reserveMin), reserveMax)
	byDescriptors = max(byDescriptors, 1)

	a.total = total
	if a.total == 0 {
		a.total = byDescriptors
	}
	a.perAddress = perAddress
	if a.perAddress == 0 {
		all := a.total
		if all < 0 {
			all = byDescriptors
		}
		a.perAddress, a.exempt = max(all/addressShare, addressMin), true
	}
	a.total, a.perAddress = max(a.total, 0), max(a.perAddress, 0)
	a.excessMost = excessMax
	if a.total > 0 {
		a.excessMost = min(max(a.total/excessShare, ExcessMin), excessMax)
	}
	a.from = make(map[addressKey]uint32)
}

// Enter counts a new connection and returns its ticket. Pass that to Leave.
func (a *Admission) Enter(addr netip.Addr) Ticket {
	key, bounded := a.key(addr)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.total > 0 && a.open >= a.total {
		return a.refuse(ExcessTotal, ClosedTotal)
	}
	if !bounded {
		a.open++
		return Counted
	}
	a.open++
	return a.enterAddress(key)
}

// enterAddress counts a connection by its address. It is counted in all already. mu is held.
func (a *Admission) enterAddress(key addressKey) Ticket {
	n := a.from[key]
	if int64(n) >= int64(a.perAddress) {
		a.open--
		return a.refuse(ExcessAddress, ClosedAddress)
	}
	a.from[key] = n + 1
	a.peak = max(a.peak, len(a.from))
	return CountedByAddress
}

// Place counts a connection also by an address that has become known later, and returns its new
// ticket.
func (a *Admission) Place(addr netip.Addr, t Ticket) Ticket {
	key, bounded := a.key(addr)
	if t != Counted || !bounded {
		return t
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.enterAddress(key)
}

// Displace undoes Place for a connection that stays.
func (a *Admission) Displace(addr netip.Addr, t Ticket) {
	switch t {
	case CountedByAddress, ExcessAddress, ClosedAddress:
		a.Leave(addr, t)
		a.mu.Lock()
		a.open++
		a.mu.Unlock()
	}
}

// refuse is excess, or closed if too many are answered already. mu is held.
func (a *Admission) refuse(excess, closed Ticket) Ticket {
	if a.excess >= a.excessMost {
		return closed
	}
	a.excess++
	return excess
}

// Leave takes a connection out.
func (a *Admission) Leave(addr netip.Addr, t Ticket) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch t {
	case Counted:
		a.open--
	case CountedByAddress:
		a.open--
		key, _ := a.key(addr)
		if n := a.from[key]; n > 1 {
			a.from[key] = n - 1
			return
		}
		delete(a.from, key)
		a.shrink()
	case ExcessTotal, ExcessAddress:
		a.excess--
	}
}

// shrinkBelow is the number of entries up to which a map is never rebuilt.
const shrinkBelow = 1024

// shrink rebuilds the map when few entries are left, because a Go map never shrinks. mu is held.
func (a *Admission) shrink() {
	if a.peak < shrinkBelow || len(a.from) > a.peak/8 {
		return
	}
	from := make(map[addressKey]uint32, len(a.from))
	for key, n := range a.from {
		from[key] = n
	}
	a.from, a.peak = from, len(from)
}

// Counted returns how many connections are admitted, how many beyond the limits are being answered, and
// from how many addresses they come.
func (a *Admission) Counted() (open, excess, addresses int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open, a.excess, len(a.from)
}
