package session

// settle brings the connection to rest after any event: it writes what is
// pending, goes a step further in closing, reads on if that was held up and no
// longer is, and tells the loop what to wait for.
func (d *Driver) settle() {
	d.check()
	if d.rest() {
		d.runFuncs()
		if d.rest() {
			d.comeBack() // for those that came meanwhile, after the others' turn
		}
	}
	d.loop.endTurn()
}

// rest is settle without functions of the program's. It reports whether some wait for the loop.
func (d *Driver) rest() (funcs bool) {
	c := &d.Conn
	for c.State() != Closed {
		// A send that finds the cork in place leaves the flushing to what follows.
		d.corked.Store(false)
		c.mu.Lock()
		c.attend &^= attendAsked
		if d.flushTurn() {
			d.hear() // a peer that takes bytes is not silent
		}
		changed, closing := c.attend, c.end != nil
		c.attend = changed & attendFuncs
		finish := closing && c.step()
		blocked, arm := false, false
		if q := c.tx; q != nil {
			blocked = q.blocked
			arm = q.stall.note(blocked, q.passed(), d.loop.Now)
		}
		c.mu.Unlock()

		if finish {
			d.finish()
			break
		}
		if arm {
			changed |= attendTimer
		}
		if closing {
			d.beginEnd()
		}
		if changed&attendTimes != 0 {
			d.retime(changed)
		}
		drained := changed&attendDrained != 0
		if !drained && !d.stalled() {
			read := d.input != inputDone && !d.holding()
			d.setInterest(read, blocked)
			if read && d.interest&interestUnread != 0 {
				d.comeBack()
			}
			return changed&attendFuncs != 0
		}
		d.corked.Store(true)
		if drained {
			d.deliver(event{kind: eventDrained})
		}
		d.resume()
	}
	return false
}

// setInterest tells the loop what to wait for, if that has changed.
func (d *Driver) setInterest(read, write bool) {
	d.check()
	want := d.interest &^ (interestRead | interestWrite)
	if read {
		want |= interestRead
	}
	if write {
		want |= interestWrite
	}
	if want != d.interest {
		if read && d.interest&interestRead == 0 {
			d.hear() // while it was not read from, it was not silent
			want &^= pinged
		}
		d.interest = want
		d.loop.host.SetInterest(d, read, write)
	}
}

// comeBack has the loop come back, after the others' turn, to what the transport has at
// hand, of which no poller will tell, or to functions that wait.
func (d *Driver) comeBack() {
	c := &d.Conn
	c.mu.Lock()
	wake := c.wake()
	c.mu.Unlock()
	if wake {
		d.loop.host.Schedule(&d.Conn)
	}
}

// Retime applies limits that have changed since the loop last saw them. The owner calls it before it acts
// on a timer.
func (d *Driver) Retime() {
	d.check()
	c := &d.Conn
	c.mu.Lock()
	changed := c.attend & attendTimes
	c.attend &^= changed
	c.mu.Unlock()
	if changed != 0 {
		d.retime(changed)
	}
}

// retime does what falls to the loop when the limits have changed.
func (d *Driver) retime(changed attention) {
	if d.Ending() { // its time is set
		if changed&attendClosing != 0 {
			d.setEndTimer()
		}
		return
	}
	if changed&attendIdle != 0 {
		d.hear()
	}
	if changed&attendLifetime != 0 {
		d.loop.host.Limited(d)
	}
	if changed&attendTimer != 0 {
		d.setTimer()
	}
}
