package session

// Each connection has one timer, for whatever falls due first. It is set anew when it
// fires and when something earlier comes up; what puts things off merely notes the
// time, so that traffic does not touch it.

// expiring is the part of a connection that does what is due when its timer fires: it asks a
// silent peer for a sign of life, cuts one that does not read, ends the wait for a Close frame,
// and runs functions of AfterFunc.
type expiring struct{ reading }

// expire finds out what is due, and does it.
func (d *expiring) expire() {
	switch {
	case d.Ending():
		d.closeLate()
	case d.State() == Open:
		d.fireFuncs()
		d.heartbeat()
		d.checkStall()
		d.releaseWork()
		if !d.Ending() {
			d.setTimer()
		}
	}
}

// fireFuncs queues the functions whose time has come, behind what has arrived.
func (d *expiring) fireFuncs() {
	if after, ok := d.nextFunc(); !ok || after > 0 {
		return
	}
	c := &d.Conn
	d.corked.Store(true)
	d.read()
	c.mu.Lock()
	if c.State() != Open || c.extras == nil || c.extras.timers == nil {
		c.mu.Unlock()
		return
	}
	h := c.extras.timers
	var few [4]event
	due := few[:0]
	for len(h.heap) > 0 && h.heap[0].due <= d.loop.Now {
		t := h.heap[0]
		h.remove(0)
		due = append(due, event{kind: eventDo, do: t.f, timer: t.n})
	}
	c.loop.afterFuncs.Add(-int64(len(due)))
	if len(due) == 0 {
		c.mu.Unlock()
		return
	}
	c.queueFuncs(due...)
}

// checkStall cuts the connection if the transport has taken nothing for the write
// timeout. It tries once more before.
func (d *expiring) checkStall() {
	if after, ok := d.nextStall(); !ok || after > 0 || d.flushAgain() {
		return
	}
	c := &d.Conn
	c.mu.Lock()
	stalled, pending := c.tx != nil && c.State() == Open, 0
	if stalled {
		pending = c.tx.pending()
	}
	c.mu.Unlock()
	if stalled {
		d.config().Logger.Info("framerail: connection cut",
			"remote", c.RemoteAddr(), "error", ErrWriteStalled, "pending", pending)
		d.abortOver(Local, ErrWriteStalled)
	}
}

// closeLate ends the wait for the peer's Close, unless it has come: a loop that was
// kept from its work fires timers before it has read from all that are ready.
func (d *expiring) closeLate() {
	c := &d.Conn
	d.corked.Store(true)
	d.read()
	c.mu.Lock()
	d.flushTurn()
	over := c.step()
	c.mu.Unlock()
	if over {
		return
	}
	limits := c.limits()
	if left := limits.CloseTimeout - passed(d.heard, stamp(d.loop.Now, limits.closeShift), limits.closeShift); left > 0 {
		d.loop.host.SetTimer(&d.Conn, left)
		return
	}
	d.abortOver(Nobody, ErrCloseTimeout)
}
