package server

import (
	"sync"
	"time"
)

// pacer is a token bucket that holds a second's worth: it says whether one more of the
// things may happen that may happen so often in a second. Safe from any goroutine.
type pacer struct {
	each time.Duration // the time that one takes at the full rate; 0: no limit

	mu   sync.Mutex
	next time.Time // when the next may happen, were there no burst
}

func (p *pacer) init(perSecond int) {
	if perSecond > 0 {
		p.each = time.Second / time.Duration(perSecond)
	}
}

// take counts one that may happen now, and tells whether it may: what may not costs those
// that come later nothing.
func (p *pacer) take(now time.Time) bool {
	if p.each == 0 {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if full := now.Add(-time.Second); p.next.Before(full) {
		p.next = full
	}
	if p.next.After(now.Add(-p.each)) {
		return false
	}
	p.next = p.next.Add(p.each)
	return true
}

// wait is how long it is until the next may happen.
func (p *pacer) wait(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next.Add(p.each).Sub(now)
}

// low tells whether less than half a second's worth may happen now.
func (p *pacer) low(now time.Time) bool {
	if p.each == 0 {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next.After(now.Add(-time.Second / 2))
}
