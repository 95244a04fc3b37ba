package session

// Conn is one WebSocket connection, as any goroutine sees it: what programs hold. Its methods
// lock it, call what lies below, and wake the loop if that left something to do. Callbacks run
// from here, since they get the Conn. Every method may be called from any goroutine, and none
// of them blocks but SendAsWait. What belongs to the loop alone is in the Driver that the Conn
// lies in: no method of Conn reaches it.
//
// State, RemoteAddr, Limits and others that only look at the connection are promoted from the
// parts that they belong to, which lock it themselves.
type Conn struct {
	sending
	in *inbox // guarded by mu: events that wait for their callbacks; nil while there are none
}

// unlockAndWake lets go of mu and sees that the loop does what is left to do.
func (c *Conn) unlockAndWake() {
	wake := c.due() && c.wake()
	if q := c.tx; q != nil && q.blocked {
		c.countSent(q) // the loop may not come for long
	}
	c.mu.Unlock()
	if wake {
		c.loop.host.Schedule(c)
	}
}

// SetLimits bounds the connection by l, in place of all that SetLimits or the opening
// handshake had set: a zero field means the [Config]'s again. It holds from the next
// message on, and from now on for timers. Connections of a loop that have the same limits
// share the memory for them. A limit that cannot be meant, such as a negative MaxPending,
// is an error, and then nothing changes. On a connection that is closing SetLimits fails
// with ErrClosed.
func (c *Conn) SetLimits(l Limits) error {
	if err := l.Validate(); err != nil {
		return err
	}
	c.mu.Lock()
	if c.State() != Open {
		c.mu.Unlock()
		return ErrClosed
	}
	c.setLimits(l)
	c.unlockAndWake()
	return nil
}

// setLimits puts l in place of the connection's limits, and notes what the loop is to do
// about it. mu is held.
func (c *Conn) setLimits(l Limits) {
	was := c.terms.Load()
	p := was.limits.policy
	now := p.useLimits(l.over(&p.limits.Limits))
	next := &now.terms
	if was != &was.limits.terms { // it has callbacks of its own
		next = &terms{was.Handlers, now, was.answer}
	}
	p.leaveLimits(was.limits)
	if now == was.limits {
		return
	}
	c.terms.Store(next)
	if q := c.tx; q != nil { // there may be room now
		q.wakeWriter()
		q.callWaiter(c.limits().MaxPending)
	}
	if c.extras != nil && now.costs.work != was.limits.costs.work {
		c.extras.workUntil = 0 // by the old rate
	}
	c.attend |= attendTimer
	if now.IdleTimeout != was.limits.IdleTimeout {
		c.attend |= attendIdle
	}
	if now.MaxLifetime != was.limits.MaxLifetime {
		c.attend |= attendLifetime
	}
	if now.CloseTimeout != was.limits.CloseTimeout {
		c.attend |= attendClosing
	}
}
