package server

import (
	"sync"
	"time"
)

// pacer is a token bucket that holds a second's worth: it says how long to wait after
// each of the things that may happen so often in a second. Safe from any goroutine.
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

// took counts one that has happened and returns how long to wait for the next.
func (p *pacer) took(now time.Time) time.Duration {
	if p.each == 0 {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if full := now.Add(-time.Second); p.next.Before(full) {
		p.next = full
	}
	p.next = p.next.Add(p.each)
	return p.next.Sub(now)
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

// pace waits while connections come faster than HandshakesPerSecond. What comes
// meanwhile waits in the kernel, and is served if the flood is short.
func (a *acceptor) pace() {
	r := a.run
	now := r.kernel.Now()
	wait := r.pacer.took(now)
	if wait <= 0 {
		return
	}
	r.paced.Add(1)
	r.logger.Info("framerail: connections come faster than HandshakesPerSecond, and wait")
	r.kernel.Await(r.stopping, nil, now.Add(max(wait, paceMin)))
}
