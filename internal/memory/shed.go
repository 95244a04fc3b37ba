package memory

import (
	"slices"
	"sync"
	"sync/atomic"
)

// shed refuses connections that are not open yet while the budget is tight, and closes the connections
// that hold most while it is full. At the end it looks again, because no pool reports loans that were
// made since the last look.
func (b *Budget) shed() {
	for {
		b.shedUnopened()
		b.shedFull()
		b.shedding.Store(false)
		if !b.Full() || b.stopped() || !b.shedding.CompareAndSwap(false, true) {
			return
		}
	}
}

// shedFull closes the connections that hold most, until the budget is no longer full.
func (b *Budget) shedFull() {
	var closed atomic.Int64
	freed := 0
	for b.Full() && !b.stopped() {
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
			over -= holders[n].Bytes
			freed += holders[n].Bytes
		}
		if n == 0 {
			// The bytes belong to a callback that is running, or were given back.
			b.await(nil)
			continue
		}
		b.closeAll(holders[:n], &closed)
	}
	if closed := closed.Load(); closed > 0 {
		b.logger.Warn("framerail: buffers are short: connections that hold most were closed",
			"connections", closed, "bytes", freed, "limit", b.limit)
	}
}

// spare leaves out connections that are being closed already, unless together they hold as much as shedding
// has to free. What is short may be with the loop that is late.
func (b *Budget) spare(holders []Holder) []Holder {
	sum := 0
	for _, h := range holders {
		if h.Shed {
			sum += h.Bytes
		}
	}
	if int64(sum) > b.limit/100*(fullPercent-tightPercent) {
		return holders
	}
	return slices.DeleteFunc(holders, func(h Holder) bool { return h.Shed })
}

// closeAll makes the loops close connections and waits until they have. Otherwise the next round would
// find the same ones, and close more. It adds to closed those that were not being closed for their
// memory already. A loop that answers late still adds its own.
func (b *Budget) closeAll(holders []Holder, closed *atomic.Int64) {
	var gone atomic.Int64
	done := make(chan struct{})
	for _, h := range holders {
		h.loop.Ask(func() {
			defer func() {
				if gone.Add(1) == int64(len(holders)) {
					close(done)
				}
			}()
			closed.Add(1) // before its bytes are given back, which may end the waiting
			if !h.loop.Shed(h.ID) {
				closed.Add(-1)
			}
		})
	}
	b.await(done)
}

// await waits until done is closed, the loops are to end, or patience is over.
func (b *Budget) await(done <-chan struct{}) {
	b.platform.Await(done, b.stopping, b.platform.Now().Add(patience))
}

func (b *Budget) stopped() bool {
	select {
	case <-b.stopping:
		return true
	default:
		return false
	}
}

// largest asks the loops for the connections that hold most, and returns them largest first. It leaves out
// a loop that does not answer in time, because a callback holds that loop.
func (b *Budget) largest() (all []Holder, late bool) {
	var mu sync.Mutex
	over := false
	missing := len(b.loops)
	done := make(chan struct{})
	for _, l := range b.loops {
		l.Ask(func() {
			some := l.Holders()
			mu.Lock()
			defer mu.Unlock()
			if over {
				return
			}
			for _, h := range some {
				h.loop = l
				all = append(all, h)
			}
			if missing--; missing == 0 {
				close(done)
			}
		})
	}
	b.await(done)
	mu.Lock()
	over, late = true, missing > 0
	mu.Unlock()
	SortHolders(all)
	return all, late
}

// SortHolders sorts the holders, the largest first. Of equal ones those come first that are being closed for their memory
// already: closing others too would not free more.
func SortHolders(hs []Holder) {
	slices.SortFunc(hs, func(a, b Holder) int {
		switch {
		case a.Bytes != b.Bytes || a.Shed == b.Shed:
			return b.Bytes - a.Bytes
		case a.Shed:
			return -1
		}
		return 1
	})
}
