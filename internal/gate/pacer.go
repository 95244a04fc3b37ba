package gate

import (
	"time"

	"github.com/framerail/framerail/internal/guard"
)

// Pacer is a token bucket that holds a second's worth: it says whether one more of the
// things may happen that are limited to so many a second. Safe from any goroutine.
type Pacer struct {
	each time.Duration // the time that one takes at the full rate; 0: no limit

	mu   guard.LoneMutex
	next time.Time // when the next token is due, without the burst
}

// Init sets the rate. 0 or less: no limit.
func (p *Pacer) Init(perSecond int) {
	if perSecond > 0 {
		p.each = time.Second / time.Duration(perSecond)
	}
}

// Take counts one that may happen now, and tells whether it may: what may not costs those
// that come later nothing.
func (p *Pacer) Take(now time.Time) bool {
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

// Wait is how long it is until the next may happen.
func (p *Pacer) Wait(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next.Add(p.each).Sub(now)
}

// Low tells whether less than half a second's worth may happen now.
func (p *Pacer) Low(now time.Time) bool {
	if p.each == 0 {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next.After(now.Add(-time.Second / 2))
}
