package session

// beginEnd does what falls to the loop when a connection begins to close.
func (d *Driver) beginEnd() {
	d.startEndTimer()
	d.mu.Lock()
	failed, err := d.end.failed, d.end.info.Err
	d.mu.Unlock()
	if failed {
		d.discard(err)
	} else if d.State() != Open {
		d.cut(ErrClosed)
	}
}

// finish closes the transport, whatever is still pending, and lets the loop
// forget the connection.
func (d *Driver) finish() {
	d.check()
	c := &d.Conn
	c.mu.Lock()
	if q := c.tx; q != nil {
		c.lost(q.pending())
		q.uncounted.onLoop = true
		c.returnQueue(q)
	}
	d.policy().countClose(&c.end.info)
	c.dropContexts()
	c.setState(Closed)
	c.policy().leaveLimits(c.limits())
	c.release(holdAny)
	over := c.end.over
	c.dropTimers()
	late := c.funcsWait() || c.in != nil && c.in.parked
	attached := c.takeAttached()
	if in := c.received(); in != nil {
		in.disown()
		in.wake()
	}
	c.mu.Unlock()
	attached.end()

	d.input = inputDone
	d.dropReceiver()
	d.logEnd(c.closeInfo())
	d.loop.host.Closed(d)
	c.part(over) // it is no longer used
	c.endLife()
	if late { // functions came that have not run; one of them may end the goroutine
		defer d.deliver(event{kind: eventClose})
		d.lastFuncs()
		return
	}
	d.deliver(event{kind: eventClose})
}

// logEnd logs that this side gave up on a peer for what it did not do. For what it
// did there is a line already; that peers and networks go away is no event.
func (d *Driver) logEnd(info CloseInfo) {
	if info.Err == ErrIdle || info.Err == ErrPendingFull {
		d.config().Logger.Info("framerail: connection given up", "remote", d.RemoteAddr(),
			"code", uint16(info.Sent), "error", info.Err, "unsent", info.Unsent)
	}
}
