package server

import (
	"hash/maphash"
	"math/bits"
	"net/netip"
	"slices"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/guard"
	"github.com/framerail/framerail/internal/session"
)

// table is the live table of clients, by remote address. It is a hash table whose
// chains run through the clients themselves: 12 bytes or so for each, where a map
// with its keys would take 60. The zero value is ready; safe from any goroutine.
type table struct {
	mu       guard.LoneMutex
	buckets  []*tenant // a power of two; nil while empty
	count    int
	portless int // those whose address has no port

	// In a simulation, which is the same in every process, all goes by address, and get finds
	// the first of several: entered has the clients in the order in which they came.
	ordered bool
	entered []*tenant
}

const (
	minBuckets = 64
	// maxChain is how many clients a bucket has, on average, before their number
	// doubles. A long chain costs a little time when a client leaves; buckets would
	// cost memory all the while.
	maxChain = 4
)

var seed = maphash.MakeSeed()

// hash is that of the remote address. Those without a port are at one of its places, by chance:
// behind a proxy that tells no ports a hundred thousand may have the same address.
func (cl *tenant) hash() uint64 {
	addr := cl.RemoteAddr()
	switch {
	case addr.Port() != 0:
		return maphash.Comparable(seed, addr)
	case !addr.IsValid():
		return maphash.Comparable(seed, cl) // it is never looked up
	}
	return hashWithout(addr, uint8(maphash.Comparable(seed, cl)))
}

// hashWithout is the hash of an address without a port, at one of its places.
func hashWithout(addr netip.AddrPort, place uint8) uint64 {
	return maphash.Comparable(seed, struct {
		addr  netip.AddrPort
		place uint8
	}{addr, place})
}

// places is how many hashes an address without a port has.
const places = 256

func (t *table) bucket(hash uint64) **tenant { return &t.buckets[hash&uint64(len(t.buckets)-1)] }

// add enters a client, unless it is closed already.
func (t *table) add(cl *tenant) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if cl.Listed || cl.State() == session.Closed {
		return
	}
	if t.count >= maxChain*len(t.buckets) {
		t.resize(max(minBuckets, 2*len(t.buckets)))
	}
	b := t.bucket(cl.hash())
	cl.chain, *b = *b, cl
	cl.Listed = true
	t.countIn(cl, 1)
	if t.ordered {
		t.entered = append(t.entered, cl)
	}
}

// remove takes a client out, if it is in.
func (t *table) remove(cl *tenant) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !cl.Listed {
		return
	}
	p := t.bucket(cl.hash())
	for *p != cl {
		p = &(*p).chain
	}
	*p = cl.chain
	cl.chain, cl.Listed = nil, false
	t.countIn(cl, -1)
	if t.ordered {
		t.entered = slices.DeleteFunc(t.entered, func(o *tenant) bool { return o == cl })
	}
	if t.count < maxChain*len(t.buckets)/8 && len(t.buckets) > minBuckets {
		t.resize(len(t.buckets) / 2)
	}
}

// countIn counts a client in or out. mu is held.
func (t *table) countIn(cl *tenant, n int) {
	t.count += n
	if cl.RemoteAddr().Port() == 0 {
		t.portless += n
	}
}

func (t *table) resize(n int) {
	old := t.buckets
	t.buckets = make([]*tenant, n)
	for _, cl := range old {
		for cl != nil {
			next := cl.chain
			b := t.bucket(cl.hash())
			cl.chain, *b = *b, cl
			cl = next
		}
	}
}

// setOrdered says whether all goes by address.
func (t *table) setOrdered(on bool) {
	t.mu.Lock()
	t.ordered = on
	t.mu.Unlock()
}

func (t *table) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count
}

// get is a client with that address. Those without a port may be at any of their places.
func (t *table) get(remote netip.AddrPort) (*conn.Conn, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.count == 0 || !remote.IsValid() {
		return nil, false
	}
	remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port()) // as the clients have it
	for _, cl := range t.entered {
		if cl.RemoteAddr() == remote {
			return cl.public(), true
		}
	}
	if remote.Port() != 0 {
		return t.find(maphash.Comparable(seed, remote), remote)
	}
	for place := 0; place < places && t.portless > 0; place++ {
		if c, ok := t.find(hashWithout(remote, uint8(place)), remote); ok {
			return c, true
		}
	}
	return nil, false
}

// find is a client with that hash and address. mu is held.
func (t *table) find(hash uint64, remote netip.AddrPort) (*conn.Conn, bool) {
	for cl := *t.bucket(hash); cl != nil; cl = cl.chain {
		if cl.RemoteAddr() == remote {
			return cl.public(), true
		}
	}
	return nil, false
}

// all yields the clients of the table. It collects some at a time under the lock, and yields them without it.
// So the program may do anything with them, and the lock is never held for long.
//
// A client that is in the table all the while is yielded exactly once, although buckets double and halve
// meanwhile. The order is that of the clients' hashes with their bits reversed. So the clients of a bucket
// are an interval, and after doubling two buckets share that interval.
func (t *table) all(yield func(*conn.Conn) bool) {
	var few [listAtOnce]*conn.Conn
	if t.isOrdered() {
		t.allOrdered(yield)
		return
	}
	for from, more := uint64(0), true; more; {
		list := few[:0]
		list, from, more = t.some(list, from)
		for _, c := range list {
			if !yield(c) {
				return
			}
		}
	}
}

// some appends the clients of the next buckets to a list, from a reversed hash on, and returns
// where to go on. It takes whole buckets until the list has listAtOnce.
func (t *table) some(list []*conn.Conn, from uint64) (_ []*conn.Conn, next uint64, more bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.buckets)
	if n == 0 {
		return list, 0, false
	}
	shift := bits.LeadingZeros64(uint64(n - 1)) // a bucket's interval is 1 << shift
	for at, looked := from>>shift, 0; ; at, looked = at+1, looked+1 {
		if at == uint64(n) {
			return list, 0, false
		}
		// An empty table that was large once is not walked through in one go either.
		if len(list) >= listAtOnce/2 || looked == listAtOnce {
			return list, at << shift, true
		}
		for cl := t.buckets[bits.Reverse64(at<<shift)]; cl != nil; cl = cl.chain {
			if at<<shift < from && bits.Reverse64(cl.hash()) < from {
				continue // yielded when there were more buckets
			}
			list = append(list, cl.public())
		}
	}
}

// listAtOnce is how many clients are listed, about, while the table is locked.
const listAtOnce = 64

func (t *table) isOrdered() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ordered
}

// allOrdered yields the clients that are in the table now, by address.
func (t *table) allOrdered(yield func(*conn.Conn) bool) {
	t.mu.Lock()
	list := slices.Clone(t.entered)
	t.mu.Unlock()
	slices.SortStableFunc(list, func(a, b *tenant) int { return a.RemoteAddr().Compare(b.RemoteAddr()) })
	for _, cl := range list {
		if !yield(cl.public()) {
			return
		}
	}
}
