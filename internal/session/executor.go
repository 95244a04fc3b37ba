package session

import "sync"

// executor is where callbacks run that do not run on the loop, because they may block: each
// connection with such callbacks has an inbox, whose run method is given to the Scheduler when
// something waits in it. The loop reaches it only by lendInbox, spawn and wait.
type executor struct {
	// Scheduler runs what is to run beside the loop. The owner sets it before the
	// first connection. Nil: goroutines.
	Scheduler Scheduler

	inboxes sync.Pool // *inbox
}

// Scheduler starts goroutines, or what stands for them in a simulation.
type Scheduler interface {
	// Go runs work beside its caller.
	Go(work func())
	// Wait is c.Wait, but may return without cause. From what Go runs, or from a
	// goroutine of the program's.
	Wait(c *sync.Cond)
}

// spawn runs work beside the loop.
func (e *executor) spawn(work func()) {
	if e.Scheduler == nil {
		go work()
		return
	}
	e.Scheduler.Go(work)
}

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
