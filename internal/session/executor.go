package session

import "sync"

// executor is where callbacks run that do not run on the loop, because they may block: each
// connection with such callbacks has an inbox, which a worker runs when something waits in it. In a
// simulation the Scheduler does. The loop reaches it only by lendInbox, spawn and wait.
type executor struct {
	// Scheduler runs what is to run beside the loop, in a simulation. The owner sets it before the
	// first connection. Nil: goroutines do.
	Scheduler Scheduler

	workers workers
	relief
	inboxes sync.Pool // *inbox
}

// Scheduler starts what stands for goroutines in a simulation.
type Scheduler interface {
	// Go runs work beside its caller.
	Go(work func())
	// Wait is c.Wait, but may return without cause. From what Go runs, or from a
	// goroutine of the program's.
	Wait(c *sync.Cond)
}

// spawn runs work beside the loop. No lock is held.
func (e *executor) spawn(work func()) {
	if e.Scheduler == nil {
		e.workers.add(work)
		return
	}
	e.Scheduler.Go(work)
}

// End tells that no more events are to come, so that no goroutine waits for them. Those that come
// nevertheless have their callbacks called. From any goroutine.
func (e *executor) End() { e.workers.end() }

// wait is c.Wait, after which the caller looks again whether it need wait.
func (e *executor) wait(c *sync.Cond) {
	if e.Scheduler == nil {
		c.Wait()
		return
	}
	e.Scheduler.Wait(c)
}

// lendInbox is an empty inbox for c, which gives it back to inboxes.
func (e *executor) lendInbox(c *Conn) *inbox {
	in, _ := e.inboxes.Get().(*inbox)
	if in == nil {
		in = new(inbox)
		in.work = in.run
	}
	in.conn, in.more.L = c, &c.mu
	return in
}
