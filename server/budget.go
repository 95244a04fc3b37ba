package server

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/handshake"
)

// budget bounds the pooled buffers of all loops together. A pool counts what it has
// lent by itself and compares that with a mark of its own; only at the mark are all
// pools looked at. Between them the marks leave half of what is free, so that however
// the loops use it, the budget is not passed unnoticed.
type budget struct {
	run   *running
	limit int64 // bytes; 0: no limit
	pools []*buffer.Pool

	unopenedMost int // bytes that each loop lends to clients whose connections are not open

	mu       sync.Mutex  // for setting the marks
	shedding atomic.Bool // a goroutine is at it
}

// errNoMemory answers handshakes while the budget is nearly used up.
var errNoMemory = handshake.Unavailable(retryMemory)

// init watches the pools of loops that do not run yet.
func (b *budget) init(r *running, limit int64) {
	b.run = r
	if limit == 0 {
		limit = max(memory()/bufferShare, buffersMin)
	}
	if limit < 0 {
		return
	}
	b.limit = limit
	b.initUnopened(len(r.loops), r.head.HeadBytes())
	for _, l := range r.loops {
		b.pools = append(b.pools, l.conns.Buffers(), &l.greeter.heads)
	}
	for _, p := range b.pools {
		p.Watch(b.check)
	}
	b.check()
}

// used is how many bytes of buffers are lent.
func (b *budget) used() (sum int64) {
	for _, p := range b.pools {
		_, n := p.Lent()
		sum += n
	}
	return sum
}

// tight tells whether no new connections should come.
func (b *budget) tight() bool { return b.limit > 0 && b.used() >= b.limit/100*tightPercent }

// excess is the answer to a connection for which there is no room; nil if there is.
func (r *running) excess(s standing) *handshake.Refusal {
	if refusal := s.refusal(); refusal != nil {
		return refusal
	}
	if r.budget.tight() {
		return errNoMemory
	}
	return nil
}

// full tells whether connections must go.
func (b *budget) full() bool { return b.used() >= b.limit/100*fullPercent }

// over tells whether there is nothing left of it.
func (b *budget) over() bool { return b.limit > 0 && b.used() >= b.limit }

// pressed tells whether somebody must go: clients whose connections are not open while
// the budget is tight, and connections while it is full.
func (b *budget) pressed() bool { return b.full() || b.tight() && b.unopened() > 0 }

// check is for a pool that has come to its mark, on any goroutine. It sets all marks
// anew, and sees that somebody is shed if the budget is pressed.
func (b *budget) check() {
	if b.mu.TryLock() { // or else somebody is at it
		free := b.limit/100*fullPercent - b.used()
		for _, p := range b.pools {
			_, mark := p.Lent()
			mark += max(free/2, b.limit/100) / int64(len(b.pools))
			if free < 0 {
				mark = 0 // what is lent now is too much, and would be later
			}
			p.SetMark(mark)
		}
		b.mu.Unlock()
	}
	if b.pressed() && b.shedding.CompareAndSwap(false, true) {
		b.run.kernel.Go(b.shed)
	}
}

// holder is a connection and what it holds.
type holder struct {
	loop  *loop
	cl    *client
	gen   uint32
	bytes int
	told  bool // it is being closed for its memory already, and holds what tells its peer
}

// shed refuses clients whose connections are not open while the budget is tight, and closes
// the connections that hold most while it is full. Of buffers that were lent since it was last
// found not to be, nobody else would be told.
func (b *budget) shed() {
	for {
		b.shedUnopened()
		b.shedFull()
		b.shedding.Store(false)
		if !b.full() || b.stopped() || !b.shedding.CompareAndSwap(false, true) {
			return
		}
	}
}

// shedFull closes the connections that hold most until the budget is not full any more.
func (b *budget) shedFull() {
	closed, freed := 0, 0
	for b.full() && !b.stopped() {
		if b.shedUnopened() > 0 {
			continue
		}
		holders, late := b.largest()
		if late {
			holders = b.spare(holders)
		}
		over := int(b.used() - b.limit/100*tightPercent)
		n := 0
		for ; n < len(holders) && over > 0; n++ {
			over -= holders[n].bytes
			freed += holders[n].bytes
		}
		if n == 0 {
			// What is held is behind a callback that is at work, or was given back.
			b.run.kernel.Await(nil, b.run.stopping, b.run.kernel.Now().Add(shedPatience))
			continue
		}
		closed += b.closeAll(holders[:n])
	}
	if closed > 0 {
		b.run.logger.Warn("framerail: buffers are short: connections that hold most were closed",
			"connections", closed, "bytes", freed, "limit", b.limit)
	}
}

// spare leaves out those who have been told already, unless together they hold as much as
// shedding is to free: what is short is with a loop that is late, however long it takes.
func (b *budget) spare(holders []holder) []holder {
	sum := 0
	for _, h := range holders {
		if h.told {
			sum += h.bytes
		}
	}
	if int64(sum) > b.limit/100*(fullPercent-tightPercent) {
		return holders
	}
	return slices.DeleteFunc(holders, func(h holder) bool { return h.told })
}

// closeAll has the loops close connections, and waits until they have, so that the
// next round does not find the same again and closes more besides. It returns how many
// of them were not being closed for their memory already.
func (b *budget) closeAll(holders []holder) int {
	var gone, closed atomic.Int64
	done := make(chan struct{})
	for _, h := range holders {
		h.loop.ask(func() {
			defer func() {
				if gone.Add(1) == int64(len(holders)) {
					close(done)
				}
			}()
			if h.loop.shed(h) {
				closed.Add(1)
			}
		})
	}
	b.run.kernel.Await(done, b.run.stopping, b.run.kernel.Now().Add(shedPatience))
	return int(closed.Load())
}

func (b *budget) stopped() bool {
	select {
	case <-b.run.stopping:
		return true
	default:
		return false
	}
}

// largest asks the loops for those who hold most, and has them largest first. A loop
// that does not answer in time has a callback that holds it: it is late, and left out.
func (b *budget) largest() (all []holder, late bool) {
	var mu sync.Mutex
	over := false
	missing := len(b.run.loops)
	done := make(chan struct{})
	for _, l := range b.run.loops {
		l.ask(func() {
			some := l.holders()
			mu.Lock()
			defer mu.Unlock()
			if over {
				return
			}
			all = append(all, some...)
			if missing--; missing == 0 {
				close(done)
			}
		})
	}
	b.run.kernel.Await(done, b.run.stopping, b.run.kernel.Now().Add(shedPatience))
	mu.Lock()
	over, late = true, missing > 0
	mu.Unlock()
	slices.SortFunc(all, func(a, b holder) int { return b.bytes - a.bytes })
	return all, late
}

// short tells whether messages must not grow, and notes that one would have.
func (l *loop) short() bool {
	if !l.run.budget.over() {
		return false
	}
	l.starved = true
	l.run.budget.check() // of what was lent at the same time as marks were set nobody may have been told
	return true
}

// restIfShort rests if a message had to wait for the budget: the poller would tell of it
// again at once.
func (l *loop) restIfShort() {
	if l.starved {
		l.starved = false
		l.run.kernel.Await(nil, l.run.cut.Done(), l.run.kernel.Now().Add(shortPause))
	}
}

// holders are the loop's connections that hold buffers, those with most of them. On
// the loop.
func (l *loop) holders() (hs []holder) {
	l.clients.each(func(cl *client) {
		if cl.phase != phaseOpen {
			return
		}
		if n, shed := cl.driver().Holding(); n > 0 {
			hs = append(hs, holder{l, cl, cl.gen, n, shed})
		}
	})
	slices.SortFunc(hs, func(a, b holder) int { return b.bytes - a.bytes })
	return hs[:min(len(hs), shedAtOnce)]
}

// shed closes a connection, if it is still there, and tells whether it is the first
// time. On the loop.
func (l *loop) shed(h holder) (first bool) {
	if l.clients.find(h.cl.tokenOf(h.gen)) != h.cl {
		return false
	}
	l.current = h.cl
	first = h.cl.driver().Shed()
	l.current = nil
	return first
}

const (
	// bufferShare is the part of the memory that buffers may take by default: as much
	// again may lie idle or wait to be collected, and the program wants some too.
	bufferShare = 4
	// buffersMin is the least default, in bytes.
	buffersMin = 16 << 20
	// memoryUnknown stands for the memory of a machine that does not tell, in bytes.
	memoryUnknown = 2 << 30
	// tightPercent of the budget are used when handshakes are refused, and fullPercent
	// when connections are closed.
	tightPercent = 95
	fullPercent  = 98
	// retryMemory is when those may come back, in seconds.
	retryMemory = 5
	// shedAtOnce is how many connections of a loop are closed in one go, and shedPatience
	// how long a loop may take to tell who holds what, and to close them.
	shedAtOnce   = 64
	shedPatience = 100 * time.Millisecond
	// shortPause is how long a loop rests behind a turn in which a message had to wait for
	// the budget: others are to give back what they hold.
	shortPause = time.Millisecond
)
