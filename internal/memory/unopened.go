package memory

import (
	"sync/atomic"

	"github.com/framerail/framerail/internal/buffer"
)

// What a client has the server hold before its connection is open: a PROXY header, a
// ClientHello or a request that is not whole, a request that is being checked, a TLS flight
// or a refusal that the client does not read. Each loop lends it from a pool of its own.

const (
	// unopenedShare is the part of the budget that clients may hold together before their
	// connections are open. Most requests come whole and hold nothing.
	unopenedShare = 4
	// unopenedMost bounds that for one loop, in bytes: room for 8,000 requests of 2 KiB.
	unopenedMost = 16 << 20
	// unopenedRest is the part of a loop's bound that is freed at once when it is reached,
	// so that clients that fill it again do not have all of them looked at each time.
	unopenedRest = 4
)

// Unopened is how many bytes are lent to clients whose connections are not open.
func (b *Budget) Unopened() (sum int64) {
	for _, l := range b.loops {
		sum += lentUnopened(l)
	}
	return sum
}

func lentUnopened(l Loop) int64 {
	_, pool := l.Pools()
	_, n := pool.Lent()
	return n
}

// Room tells what it takes for a loop's pool to lend more bytes to a client whose connection
// is not open: nothing, that others give back so many bytes first, or that the budget is not
// tight any more, when ok is false.
func (b *Budget) Room(pool *buffer.Pool, more int) (free int, ok bool) {
	if b.limit == 0 {
		return 0, true
	}
	if b.used()+int64(more) >= b.limit/100*tightPercent {
		return 0, false
	}
	_, lent := pool.Lent()
	if over := int(lent) + more - b.unopenedMost; over > 0 {
		return over + b.unopenedMost/unopenedRest, true
	}
	return 0, true
}

// shedUnopened has the loops refuse clients whose connections are not open until the budget
// is not tight, each loop in proportion to what it has lent to those. It returns how many
// were refused.
func (b *Budget) shedUnopened() int {
	all, over := b.Unopened(), b.used()-b.limit/100*(tightPercent-1)
	if all == 0 || over <= 0 {
		return 0
	}
	var refused, missing atomic.Int64
	done := make(chan struct{})
	missing.Store(int64(len(b.loops)))
	for _, l := range b.loops {
		n := lentUnopened(l)
		part := int(float64(over)*float64(n)/float64(all)) + 1
		l.Ask(func() {
			if n > 0 {
				refused.Add(int64(l.ShedUnopened(part)))
			}
			if missing.Add(-1) == 0 {
				close(done)
			}
		})
	}
	b.await(done)
	return int(refused.Load())
}
