package loop

import (
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/session"
	"github.com/framerail/framerail/poller"
)

// clock has the times of a loop's work. Owned by the loop.
type clock struct {
	system platform.Platform
	conns  *session.Loop // which is told the time
	catchUp

	began   time.Time     // from any goroutine
	turned  time.Duration // when this turn began
	yielded time.Duration // when others were last let run, by conns.Now
	waits   time.Duration // when it last began to wait
	wakes   time.Duration // when it was to end that
	due     time.Duration // when a timer was due, as the loop last began to wait
	dueAt   time.Time     // the same
	stride  int           // tenants served between two looks at the clock
}

// now is the time since the loop began. From any goroutine.
func (c *clock) now() time.Duration { return c.system.Since(c.began) }

// tick notes the time, and lets other goroutines run if the loop has been busy for long. A loop that
// is never idle would otherwise keep its thread until it is preempted, 10 ms at a time. tick returns
// the time since the last one.
func (c *clock) tick(busy *atomic.Int64) (since time.Duration) {
	now := c.now()
	since = now - c.conns.Now
	if now-c.yielded >= yieldAfter {
		c.system.Yield()
		now = c.now()
		c.yielded = now
	}
	c.conns.Now = now
	busy.Store(int64(now))
	return since
}

// pace is tick in the middle of a turn. A look at the clock costs a hundredth of what a short message
// does. But a connection that sends thousands of messages at once takes a millisecond. So the loop
// finds out by trying how many tenants it serves between two looks.
func (c *clock) pace(busy *atomic.Int64) {
	before := c.conns.Now
	since := c.tick(busy)
	c.away(c.conns.Now, c.conns.Now-before)
	if since > yieldAfter {
		c.stride = max(c.stride/2, 1)
	} else {
		c.stride = min(2*c.stride, strideMax)
	}
}

// awoke notes that the loop has waited, and how long it worked before. If it woke up late, it may have
// been kept from its work since it began to wait.
func (c *clock) awoke(worked time.Duration) {
	now := c.conns.Now
	if now-c.wakes >= awayMin {
		worked += now - c.waits
	}
	c.away(now, worked)
}

// WaitFor sets what the poller reports of a tenant that is not open.
func (l *Loop) WaitFor(t *Tenant, i poller.Interest) error {
	return l.poll.Modify(t.FD(), i, t.Token())
}
