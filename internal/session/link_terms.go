package session

import "github.com/framerail/framerail/frame"

// limits are the connection's. From any goroutine.
func (c *link) limits() *limits { return c.terms.Load().limits }

// policy is what the connection goes by. From any goroutine, as the next two.
func (c *link) policy() *Policy { return c.limits().policy }

func (c *link) config() *Config { return c.policy().config }

// role is this side's.
func (c *link) role() frame.Role { return frame.Role(c.state.Load() >> roleShift & 1) }

// Limits are those that hold for the connection, the Config's among them: so a program can
// change one of them with SetLimits and leave the others.
func (c *link) Limits() Limits { return c.limits().Limits }

// handle changes a copy of the callbacks: those of the server are shared, and the
// loop may be reading them.
func (c *link) handle(change func(*Handlers)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.terms.Store(c.terms.Load().with(change))
}

// with is a copy with other callbacks.
func (t *terms) with(change func(*Handlers)) *terms {
	own := *t
	change(&own.Handlers)
	return &own
}

// OnPing sets this connection's Ping callback in place of the server's; nil
// brings the automatic pong back.
func (c *link) OnPing(f func(*Conn, []byte)) {
	c.handle(func(h *Handlers) { h.Ping = f })
}

// OnPong sets this connection's Pong callback in place of the server's.
func (c *link) OnPong(f func(*Conn, []byte)) {
	c.handle(func(h *Handlers) { h.Pong = f })
}

// OnClose sets this connection's Close callback in place of the server's.
func (c *link) OnClose(f func(*Conn, CloseInfo)) {
	c.handle(func(h *Handlers) { h.Close = f })
}

// OnDrained sets this connection's Drained callback in place of the server's.
func (c *link) OnDrained(f func(*Conn)) {
	c.handle(func(h *Handlers) { h.Drained = f })
}
