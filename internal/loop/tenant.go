package loop

import (
	"unsafe"

	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/session"
	"github.com/framerail/framerail/internal/transport"
)

// Tenant is a connection with what its loop keeps for it. It is the first field of its
// owner's own type, so that all of a connection is one allocation.
type Tenant struct {
	session.Driver
	Socket platform.Socket

	// Owned by the loop.
	gen        uint32 // differs from that of the slot's earlier users
	place      place
	pollFailed bool // the poller does not watch it any more

	// Two bytes for the owner. Only here they take no more memory.
	Ticket uint8 // of its admission; owned by the loop
	Listed bool  // guarded by the lock of the owner's table

	expires moment // when its lifetime is over, and before that its time for the phase
}

// Of is the owner's value whose first field is the Tenant of a connection. The connection
// must be one of that owner's.
func Of[T any](c *session.Conn) *T { return (*T)(unsafe.Pointer(c)) }

func tenantOf(c *session.Conn) *Tenant { return Of[Tenant](c) }

// FD is the poller's name for the transport.
func (t *Tenant) FD() int { return t.Socket.FD() }

// Below is the transport: the socket or, over TLS or in a simulation, another.
func (t *Tenant) Below() transport.Transport { return t.Driver.Transport() }

// Token names a tenant to the poller. It has the slot, and the generation, which tells an event for a
// tenant that is gone from one for the next user of its slot.
func (t *Tenant) Token() uint64 {
	return uint64(t.gen)<<32 | uint64(uint32(t.ID()))
}

// Phase is the phase that the tenant is in.
func (t *Tenant) Phase() Phase { return Phase(t.place & phaseMask) }

// Enter puts the tenant into another phase.
func (t *Tenant) Enter(p Phase) { t.place = t.place&^phaseMask | place(p) }

// IsOpen reports whether the opening handshake is done.
func (t *Tenant) IsOpen() bool { return t.place&phaseMask == place(Open) }

// place is the number of a tenant's owner on its loop, and below it a Phase.
type place uint8

const (
	phaseBits = 4
	phaseMask = 1<<phaseBits - 1
	ownersMax = 1 << (8 - phaseBits)
)

// slots holds a loop's tenants by small numbers, which timers and the poller's tokens refer
// to. It grows by the page, so that growing copies nothing.
type slots struct {
	pages []*[slotPage]*Tenant
	free  []int32 // those given back
	next  int     // the first never used
	gen   uint32
	used  int
}

const slotPage = 512

// take gives t a slot, with a generation of its own.
func (s *slots) take(t *Tenant) (id int) {
	if n := len(s.free); n > 0 {
		id = int(s.free[n-1])
		s.free = s.free[:n-1]
	} else {
		id = s.next
		s.next++
		if id == len(s.pages)*slotPage {
			s.pages = append(s.pages, new([slotPage]*Tenant))
		}
	}
	s.gen++
	t.gen = s.gen
	s.pages[id/slotPage][id%slotPage] = t
	s.used++
	return id
}

func (s *slots) at(id int) *Tenant { return s.pages[id/slotPage][id%slotPage] }

func (s *slots) give(id int) {
	s.pages[id/slotPage][id%slotPage] = nil
	s.free = append(s.free, int32(id))
	s.used--
}

// IsGone reports whether the loop has done with a tenant. Only in the turn in which it was done.
func (s *slots) IsGone(t *Tenant) bool { return s.at(t.ID()) != t }

// EachOf calls f for every tenant of one owner; f may end it.
func (s *slots) EachOf(owner OwnerID, f func(*Tenant)) {
	s.Each(func(t *Tenant) {
		if OwnerID(t.place>>phaseBits) == owner {
			f(t)
		}
	})
}

// Each calls f for every tenant of all owners; f may end it. On the loop, or once that has ended.
func (s *slots) Each(f func(*Tenant)) {
	for id := range s.next {
		if t := s.at(id); t != nil {
			f(t)
		}
	}
}

// Find is the tenant that a token names; nil if it is gone.
func (s *slots) Find(token uint64) *Tenant {
	if t := s.at(int(uint32(token))); t != nil && t.gen == uint32(token>>32) {
		return t
	}
	return nil
}
