package loop

import (
	"time"

	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/platform"
)

// Forget removes a tenant from the loop. Its descriptor is then closed, or belongs to other code.
func (l *Loop) Forget(t *Tenant) {
	_ = l.poll.Remove(t.FD())
	id := t.ID()
	l.timers.Clear(id)
	l.slots.give(id)
	l.owner(t).Forgotten(t)
	l.load.Add(-1)
}

// With calls f for a tenant. If f runs code of the program's that ends the loop's goroutine, the loop
// ends the tenant too. See Row.Broken.
func (l *Loop) With(t *Tenant, f func()) {
	l.current = t
	f()
	l.current = nil
}

// Now is the time since the loop began, as of this turn.
func (l *Loop) Now() time.Duration { return l.conns.Now }

// Buffers is the pool of open connections. From any goroutine.
func (l *Loop) Buffers() *buffer.Pool { return l.conns.Buffers() }

// Done is closed once the loop serves no more. From any goroutine.
func (l *Loop) Done() <-chan struct{} { return l.done }

// LeastLoaded is the loop with the fewest connections. From any goroutine.
func LeastLoaded(all []*Loop) *Loop {
	best := all[0]
	load := best.Load()
	for _, l := range all[1:] {
		if n := l.Load(); n < load {
			best, load = l, n
		}
	}
	return best
}

// Poller is the poller that the loop waits with.
func (in *inbox) Poller() platform.Poller { return in.poll }

// Watchdog is the watchdog that looks at the loop; nil for none.
func (l *Loop) Watchdog() *Watchdog { return l.watchdog }
