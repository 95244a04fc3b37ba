package session

import "time"

// stall is how long the transport has taken nothing. It is part of the queue, and so
// costs a connection with nothing pending no memory.
type stall struct {
	watched bool          // the transport was full when the loop last looked
	timed   bool          // the timer is set for no later than the timeout
	since   time.Duration // when it last took a byte, by Loop.Now
	taken   int64         // the bytes that it had taken by then
}

// note takes down how the transport stands at the end of a turn, and tells whether
// the timer must be set for it. The connection's mu is held.
func (s *stall) note(blocked bool, taken int64, now time.Duration) (arm bool) {
	if !blocked {
		s.watched = false
		return false
	}
	if !s.watched || taken != s.taken {
		s.watched, s.since, s.taken = true, now, taken
	}
	arm = !s.timed
	s.timed = true
	return arm
}

// nextStall is the time until the transport has stalled for the write timeout,
// should it take nothing until then.
func (d *Driver) nextStall() (after time.Duration, ok bool) {
	timeout := d.limits().WriteTimeout
	if timeout <= 0 {
		return 0, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	q := d.tx
	if q == nil {
		return 0, false
	}
	q.stall.timed = q.blocked && q.stall.watched
	return timeout - (d.loop.Now - q.stall.since), q.stall.timed
}

// checkStall cuts the connection if the transport has taken nothing for the write
// timeout. It tries once more before.
func (d *Driver) checkStall() {
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

// flushAgain writes what is pending although the transport was full, and tells whether it
// took any: a socket reports that it can be written to when a good part of its buffer is
// free, but takes the first byte long before, so that a peer that reads little by little
// shows only now.
func (d *Driver) flushAgain() (took bool) {
	c := &d.Conn
	c.mu.Lock()
	defer c.mu.Unlock()
	q := c.tx
	if q == nil || !q.blocked {
		return false
	}
	passed := q.passed()
	q.blocked = false
	c.flush()
	took = c.tx != q || q.passed() != passed
	if c.tx == q {
		q.stall.note(q.blocked, q.passed(), d.loop.Now)
	}
	if took {
		d.hear() // a peer that takes bytes is not silent
	}
	return took
}
