package session

// flushTurn is flush on the loop, which then has counted what was sent. It tells whether
// the transport, which was full when the loop last looked, has taken some since: so the
// peer has. mu is held.
func (d *timing) flushTurn() (taken bool) {
	d.check()
	c := &d.Conn
	q := c.tx
	if q == nil {
		return false
	}
	q.uncounted.onLoop = true
	full, gone, due := q.stall, q.main.Gone(), !q.main.Empty() || q.pong != nil
	c.flush()
	if c.tx != q && due || c.tx == q && q.main.Gone() != gone {
		d.sent = d.sentNow()
	}
	if c.tx != q {
		return full.watched // it has taken all
	}
	c.countSent(q)
	q.uncounted.onLoop = false
	return full.watched && q.passed() != full.taken
}

// flushAgain writes what is pending although the transport was full, and tells whether it
// took any: a socket reports that it can be written to when a good part of its buffer is
// free, but takes the first byte long before, so that a peer that reads little by little
// shows only now.
func (d *timing) flushAgain() (took bool) {
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
