package gate

import (
	"time"

	"github.com/framerail/framerail/internal/guard"
)

// Pacer is a token bucket for a rate per second. It holds a second's worth. Safe from any goroutine.
type Pacer struct {
	each time.Duration // the time for one token; 0: no limit

	mu   guard.LoneMutex
	next time.Time // when the next token is due, without the burst
}

// Init sets the rate. 0 or less: no limit.
func (p *Pacer) Init(perSecond int) {
	if perSecond > 0 {
		p.each = time.Second / time.Duration(perSecond)
	}
}

// Take takes a token, and reports whether there was one. A failed Take costs later ones nothing.
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

// Wait is how long it is until there is a token.
func (p *Pacer) Wait(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next.Add(p.each).Sub(now)
}

// Low reports whether less than half a second's worth of tokens is left.
func (p *Pacer) Low(now time.Time) bool {
	if p.each == 0 {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next.After(now.Add(-time.Second / 2))
}
