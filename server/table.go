package server

import (
	"hash/maphash"
	"net/netip"
	"slices"
	"sync"

	"github.com/framerail/framerail/conn"
)

// table is the live table of clients, by remote address. It is a hash table whose
// chains run through the clients themselves: 12 bytes or so for each, where a map
// with its keys would take 60. The zero value is ready; safe from any goroutine.
type table struct {
	mu      sync.Mutex
	buckets []*client // a power of two; nil while empty
	count   int
	lists   sync.Pool // *[]*conn.Conn, for iterations

	// In a simulation, which is the same in every process, all goes by address, and get finds
	// the first of several: entered has the clients in the order in which they came.
	ordered bool
	entered []*client
}

const (
	minBuckets = 64
	// maxChain is how many clients a bucket has, on average, before their number
	// doubles. A long chain costs a little time when a client leaves; buckets would
	// cost memory all the while.
	maxChain = 4
)

var seed = maphash.MakeSeed()

// hash is that of the remote address or, for those without one of their own, of the client:
// behind a proxy that tells no ports a thousand may have the same.
func (cl *client) hash() uint64 {
	if addr := cl.RemoteAddr(); addr.Port() != 0 {
		return maphash.Comparable(seed, addr)
	}
	return maphash.Comparable(seed, cl)
}

func (t *table) bucket(hash uint64) **client { return &t.buckets[hash&uint64(len(t.buckets)-1)] }

// add enters a client, unless it is closed already.
func (t *table) add(cl *client) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if cl.listed || cl.State() == conn.Closed {
		return
	}
	if t.count >= maxChain*len(t.buckets) {
		t.resize(max(minBuckets, 2*len(t.buckets)))
	}
	b := t.bucket(cl.hash())
	cl.chain, *b = *b, cl
	cl.listed = true
	t.count++
	if t.ordered {
		t.entered = append(t.entered, cl)
	}
}

// remove takes a client out, if it is in.
func (t *table) remove(cl *client) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !cl.listed {
		return
	}
	p := t.bucket(cl.hash())
	for *p != cl {
		p = &(*p).chain
	}
	*p = cl.chain
	cl.chain, cl.listed = nil, false
	t.count--
	if t.ordered {
		t.entered = slices.DeleteFunc(t.entered, func(o *client) bool { return o == cl })
	}
	if t.count < maxChain*len(t.buckets)/8 && len(t.buckets) > minBuckets {
		t.resize(len(t.buckets) / 2)
	}
}

func (t *table) resize(n int) {
	old := t.buckets
	t.buckets = make([]*client, n)
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

// get is a client with that address. Those without a port may be in any bucket.
func (t *table) get(remote netip.AddrPort) (*conn.Conn, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.count == 0 || !remote.IsValid() {
		return nil, false
	}
	remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port()) // as the clients have it
	for _, cl := range t.entered {
		if cl.RemoteAddr() == remote {
			return &cl.Conn, true
		}
	}
	chains := t.buckets
	if remote.Port() != 0 {
		at := maphash.Comparable(seed, remote) & uint64(len(t.buckets)-1)
		chains = t.buckets[at : at+1]
	}
	for _, cl := range chains {
		for ; cl != nil; cl = cl.chain {
			if cl.RemoteAddr() == remote {
				return &cl.Conn, true
			}
		}
	}
	return nil, false
}

// all yields the clients that are in the table now. The lock is not held while it
// does, so that the program may do anything with them.
func (t *table) all(yield func(*conn.Conn) bool) {
	list, _ := t.lists.Get().(*[]*conn.Conn)
	if list == nil {
		list = new([]*conn.Conn)
	}
	t.mu.Lock()
	ordered := t.ordered
	for _, cl := range t.entered {
		*list = append(*list, &cl.Conn)
	}
	if !ordered {
		for _, cl := range t.buckets {
			for ; cl != nil; cl = cl.chain {
				*list = append(*list, &cl.Conn)
			}
		}
	}
	t.mu.Unlock()
	if ordered {
		slices.SortStableFunc(*list, func(a, b *conn.Conn) int { return a.RemoteAddr().Compare(b.RemoteAddr()) })
	}
	defer func() {
		clear(*list)
		*list = (*list)[:0]
		t.lists.Put(list)
	}()
	for _, c := range *list {
		if !yield(c) {
			return
		}
	}
}
