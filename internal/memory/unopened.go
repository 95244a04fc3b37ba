package memory

import (
	"sync/atomic"

	"github.com/framerail/framerail/internal/buffer"
)

// A connection that is not open yet may hold a PROXY header, a ClientHello or a request that is
// incomplete. It may hold a request that is being checked, or a TLS flight or a refusal that the
// client does not read. Each loop lends these bytes from a pool of their own.

const (
	// unopenedShare is the part of the budget that connections may hold together before they
	// are open. Most requests arrive whole and hold nothing.
	unopenedShare = 4
	// unopenedMost bounds it for one loop, in bytes: room for 8,000 requests of 2 KiB.
	unopenedMost = 16 << 20
	// unopenedRest is the part of a loop's bound that is freed at once when it is reached. So
	// clients that fill it again do not cause a look at all connections each time.
	unopenedRest = 4
)

// Unopened is how many bytes are lent to connections that are not open yet.
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

// Room says whether a loop's pool may lend size bytes to a connection that is not open yet, in place of
// the have that it holds. Both are lent while the bytes are copied. Others must give back that many
// bytes first, or none if it is 0. If ok is false, the budget is tight and the pool may not lend. Loops do not
// wait for each other: each may pass the tight mark by what one connection needs.
func (b *Budget) Room(pool *buffer.Pool, have, size int) (free int, ok bool) {
	if b.limit == 0 {
		return 0, true
	}
	if b.used()+int64(size) >= b.limit/100*tightPercent {
		return 0, false
	}
	_, lent := pool.Lent()
	if over := int(lent) - have + size - b.unopenedMost; over > 0 {
		return over + b.unopenedMost/unopenedRest, true
	}
	return 0, true
}

// shedUnopened makes the loops refuse connections that are not open yet, until the budget is no longer
// tight. Each loop refuses in proportion to its loans to those. It returns how many were refused.
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
