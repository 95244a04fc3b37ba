package server

import (
	"cmp"
	"slices"
	"sync/atomic"

	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/secure"
)

// What a client has the server hold before its connection is open: a PROXY header, a
// ClientHello or a request that is not whole, a request that is being checked, a TLS flight
// or a refusal that the client does not read. Each loop lends it from a pool of its own,
// greeter.heads, up to budget.unopenedMost. So clients that never finish a handshake cannot
// use up what open connections need.

const (
	// unopenedShare is the part of MaxBuffers that clients may hold together before their
	// connections are open. Most requests come whole and hold nothing.
	unopenedShare = 4
	// unopenedMost bounds that for one loop, in bytes: room for 8,000 requests of 2 KiB.
	unopenedMost = 16 << 20
	// unopenedRest is the part of a loop's bound that is freed at once when it is reached,
	// so that clients that fill it again do not have all of them looked at each time.
	unopenedRest = 4
	// helloTold is the longest ClientHello, in bytes, that is answered although the budget is
	// tight: the refusal lies behind its TLS handshake.
	helloTold = 4 << 10
)

// initUnopened sets the bound for each loop. The longest head that the limits allow, or the
// longest record of TLS, always has room.
func (b *budget) initUnopened(loops, longestHead int) {
	one := max(buffer.Size(longestHead+scratchSize), buffer.Size(secure.LongestHello))
	b.unopenedMost = max(int(min(b.limit/unopenedShare/int64(loops), unopenedMost)), one)
}

// unopened is how many bytes are lent to clients whose connections are not open.
func (b *budget) unopened() (sum int64) {
	for _, l := range b.run.loops {
		_, n := l.greeter.heads.Lent()
		sum += n
	}
	return sum
}

// mayHold tells whether a client whose connection is not open may hold n bytes in place of
// the have that it holds. If the loop has no room for them those that hold most are refused,
// which may be this client: then it is false. Ask before each buffer is lent or grows.
func (l *loop) mayHold(cl *client, have, n int) bool {
	b := &l.run.budget
	if b.limit == 0 || n <= have {
		return true
	}
	size := buffer.Size(n)
	if b.used()+int64(size-have) >= b.limit/100*tightPercent {
		return false
	}
	_, lent := l.greeter.heads.Lent()
	over := int(lent) + size - have - b.unopenedMost
	if over <= 0 {
		return true
	}
	_, _, in := l.shedUnopened(over+b.unopenedMost/unopenedRest, cl, size)
	return in
}

// shedUnopened refuses clients whose connections are not open until they have given back
// that many bytes: those that hold most, and of equal ones those that have had most time.
// The asking client counts as holding size bytes; it is left alone, and in is whether it
// would have stayed.
func (l *loop) shedUnopened(bytes int, asking *client, size int) (clients, freed int, in bool) {
	type holder struct {
		cl    *client
		bytes int
	}
	var hs []holder
	l.clients.each(func(cl *client) {
		if cl.phase == phaseOpen {
			return
		}
		n := cl.unopened()
		if cl == asking {
			n = size
		}
		if n > 0 {
			hs = append(hs, holder{cl, n})
		}
	})
	slices.SortFunc(hs, func(a, b holder) int {
		if a.bytes != b.bytes {
			return b.bytes - a.bytes
		}
		return cmp.Compare(l.left(a.cl), l.left(b.cl))
	})
	in = true
	for _, h := range hs {
		if freed >= bytes {
			break
		}
		freed += h.bytes
		if h.cl == asking {
			in = false
			continue
		}
		clients++
		l.row(h.cl).short(h.cl)
	}
	if clients > 0 {
		l.run.logger.Warn("framerail: buffers are short: clients that hold most before their connection is open were refused",
			"clients", clients, "bytes", freed, "limit", l.run.budget.limit)
	}
	return clients, freed, in
}

// unopened is how many bytes a client holds whose connection is not open.
func (cl *client) unopened() (n int) {
	if cl.head != nil {
		n = cap(cl.head.buf.B)
	}
	if t := cl.tls(); t != nil {
		n += t.Lent()
	}
	return n
}

// mayHear tells whether a client's ClientHello may be n bytes long. A short one is answered
// so many times a second even if the budget is tight: then its client can be told.
func (l *loop) mayHear(cl *client, have, n int) bool {
	if have == 0 && n <= helloTold && !l.run.budget.over() && l.run.budget.tight() {
		return l.run.told.take(l.run.kernel.Now())
	}
	return l.mayHold(cl, have, n)
}

// shedUnopened has the loops refuse clients whose connections are not open until the budget
// is not tight, each loop in proportion to what it has lent to those. It returns how many
// were refused.
func (b *budget) shedUnopened() int {
	all, over := b.unopened(), b.used()-b.limit/100*(tightPercent-1)
	if all == 0 || over <= 0 {
		return 0
	}
	var refused, missing atomic.Int64
	done := make(chan struct{})
	missing.Store(int64(len(b.run.loops)))
	for _, l := range b.run.loops {
		_, n := l.greeter.heads.Lent()
		part := int(float64(over)*float64(n)/float64(all)) + 1
		l.ask(func() {
			if n > 0 {
				clients, _, _ := l.shedUnopened(part, nil, 0)
				refused.Add(int64(clients))
			}
			if missing.Add(-1) == 0 {
				close(done)
			}
		})
	}
	b.run.kernel.Await(done, b.run.stopping, b.run.kernel.Now().Add(shedPatience))
	return int(refused.Load())
}
