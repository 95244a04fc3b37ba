package session

import stdcontext "context" // the package has a type of that name

// awaitTurn waits until it is the caller's turn to send a frame of n bytes and there is
// room for it. mu is held, but not all the while.
func (c *sending) awaitTurn(ctx stdcontext.Context, n int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if (c.tx == nil || c.tx.waiters.first == nil) && c.makeRoomToWait(n) {
		return c.openErr()
	}
	w := &waiter{size: n}
	w.ready.L = &c.mu
	c.tx.waiters.add(w)
	stop := stdcontext.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		w.ready.Signal()
	})
	defer stop()
	for c.State() == Open {
		if c.tx.waiters.first == w && c.makeRoomToWait(n) || ctx.Err() != nil {
			break
		}
		leaveLoop()
		c.loop.wait(&w.ready)
	}
	return c.endTurn(ctx, w)
}

// endTurn takes w out, so that the next one has its turn.
func (c *sending) endTurn(ctx stdcontext.Context, w *waiter) error {
	if err := c.openErr(); err != nil {
		return err // wakeAll was called
	}
	q := c.tx
	q.waiters.remove(w)
	if next := q.waiters.first; next != nil {
		next.ready.Signal()
	}
	err := ctx.Err()
	if err != nil {
		c.flush() // so that the queue is given back, if w has kept it
	}
	return err
}

// openErr is ErrClosed unless messages can be sent. mu is held.
func (c *sending) openErr() error {
	if c.State() != Open {
		return ErrClosed
	}
	return nil
}

// makeRoomToWait is hasRoom, if need be after sending what merely waits for the loop's
// turn. It is true, too, if the connection broke. mu is held.
func (c *sending) makeRoomToWait(n int) bool {
	for {
		q := c.tx
		switch {
		case q == nil, c.State() != Open, q.hasRoom(n, c.limits().MaxPending):
			return true
		case !c.flushWaiting(q):
			return false
		}
	}
}
