package relay

import (
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/poller"
)

// Poller watches Conns, and descriptors too if there is a poller of the system's. It keeps the contract of
// package poller.
type Poller struct {
	system System

	mu    sync.Mutex
	fresh []*Conn // guarded by mu: they may be ready
	some  atomic.Bool

	// Owned by the loop.
	ready []*Conn // those that were ready when last looked at, and some more
	spare []*Conn // memory for the next ready
}

// System is a poller of the system's.
type System interface {
	Add(fd int, i poller.Interest, t uint64) error
	Modify(fd int, i poller.Interest, t uint64) error
	Remove(fd int) error
	Wait(events []poller.Event, deadline time.Time) (int, error)
	Wake() error
	Close() error
}

// NewPoller makes a Poller over one of the system's; nil: there is none.
func NewPoller(system System) *Poller {
	if system == nil {
		system = newSleeper()
	}
	return &Poller{system: system}
}

// Add begins to watch a descriptor, or a Conn by its number.
func (p *Poller) Add(fd int, i poller.Interest, t uint64) error {
	if fd >= 0 {
		return p.system.Add(fd, i, t)
	}
	return p.watch(fd, i, t)
}

// Modify changes the interest and the token.
func (p *Poller) Modify(fd int, i poller.Interest, t uint64) error {
	if fd >= 0 {
		return p.system.Modify(fd, i, t)
	}
	return p.watch(fd, i, t)
}

func (p *Poller) watch(number int, i poller.Interest, t uint64) error {
	c := At(number)
	if c == nil {
		return os.ErrInvalid
	}
	c.watchBy(p, i, t)
	return nil
}

// Remove ends the watch.
func (p *Poller) Remove(fd int) error {
	if fd >= 0 {
		return p.system.Remove(fd)
	}
	c := At(fd)
	if c == nil {
		return os.ErrInvalid
	}
	c.unwatch()
	return nil
}

// list appends a Conn that may be ready. Its mu is held.
func (p *Poller) list(c *Conn) {
	p.mu.Lock()
	p.fresh = append(p.fresh, c)
	p.some.Store(true)
	p.mu.Unlock()
	_ = p.system.Wake() // fails only once the loop has ended
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// Wait fills events as [poller.Poller.Wait] does. It waits only if no Conn is ready. Conns leave room for the
// events of descriptors.
func (p *Poller) Wait(events []poller.Event, deadline time.Time) (n int, err error) {
	if n = p.look(events[:(len(events)+1)/2]); n == len(events) {
		return n, nil
	}
	if n > 0 {
		m, err := p.system.Wait(events[n:], longAgo)
		return n + m, err
	}
	if n, err = p.system.Wait(events, deadline); n == 0 && err == nil {
		n = p.look(events)
	}
	return n, err
}

// look fills events with the Conns that are ready. Those for which there is no room come first the next time.
func (p *Poller) look(events []poller.Event) (n int) {
	if p.some.Load() {
		p.mu.Lock()
		p.ready = append(p.ready, p.fresh...)
		clear(p.fresh)
		p.fresh = p.fresh[:0]
		p.some.Store(false)
		p.mu.Unlock()
	}
	if len(p.ready) == 0 {
		return 0
	}
	kept := p.ready[:0]
	seen := 0
	for ; seen < len(p.ready) && n < len(events); seen++ {
		c := p.ready[seen]
		if ev, ok := c.look(p); ok {
			events[n] = ev
			n++
			kept = append(kept, c)
		}
	}
	next := append(append(p.spare[:0], p.ready[seen:]...), kept...)
	clear(p.ready)
	p.spare, p.ready = p.ready[:0], next
	return n
}

// Wake makes the current Wait return, or the next one. From any goroutine.
func (p *Poller) Wake() error { return p.system.Wake() }

// Close gives back what the Poller has.
func (p *Poller) Close() error { return p.system.Close() }
