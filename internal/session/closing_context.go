package session

import stdcontext "context" // the package has a type of that name

// lifetime is the context of a connection.
type lifetime struct {
	ctx stdcontext.Context // nil before it was asked for
	end stdcontext.CancelCauseFunc
	// left is how the peer's stream has ended, if it has without a Close frame.
	left error
}

// Context is a context that ends with the connection: when its socket is gone, before the
// Close callback runs, or as soon as the peer's stream ends without a Close frame, whatever
// callbacks still wait. [context.Cause] is then the Err of its [CloseInfo], or ErrClosed if
// that is nil. What the program does for a client, such as a query, ends with the client if it
// has this context. A peer's Close frame alone does not end it: what the peer sent before is
// answered first, within the close timeout.
//
// The context is made when it is first asked for, takes no goroutine, and is the same at
// every call. Of a closed connection it has ended.
func (c *closing) Context() stdcontext.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	life := c.lifetime()
	if life.ctx == nil {
		life.ctx, life.end = stdcontext.WithCancelCause(stdcontext.Background())
		switch {
		case c.State() == Closed:
			life.end(c.cause())
		case life.left != nil:
			c.endLeft(life)
		}
	}
	return life.ctx
}

// lifetime is the connection's, made if there is none. mu is held.
func (c *closing) lifetime() *lifetime {
	x := c.makeExtras()
	if x.life == nil {
		x.life = new(lifetime)
	}
	return x.life
}

// endLife ends the context of a closed connection, if there is one.
func (c *closing) endLife() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.extras != nil && c.extras.life != nil && c.extras.life.end != nil {
		c.extras.life.end(c.cause())
	}
}

// peerLeft ends the context of a connection whose peer's stream has ended: a callback may
// wait for it that is in the way of the connection's own end. On the loop.
func (c *closing) peerLeft(err error) {
	if c.inline() && !c.reads() {
		return // nothing is in the way
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	life := c.lifetime()
	life.left = err
	if life.ctx != nil {
		c.endLeft(life)
	}
}

// endLeft ends the context of a connection whose peer has left, with the cause that the close callback
// gets. mu is held.
func (c *closing) endLeft(life *lifetime) {
	c.ending(Nobody, life.left)
	life.end(c.cause())
}

// cause is why the context of a connection ends. mu is held.
func (c *closing) cause() error {
	if err := c.end.info.Err; err != nil {
		return err
	}
	return ErrClosed
}
