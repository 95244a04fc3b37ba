package session

import "iter"

// Messages that belong together, such as those that a client has missed, are sent all or not at all. Their feature is attached.

// MayFit reports whether messages could all wait for c at once if they were not compressed, and nothing else did. Whoever asks first
// has no more of them compressed for c than that. From any goroutine.
func MayFit(c *Conn, all iter.Seq[*Prepared]) bool {
	free := c.limits().MaxPending
	for p := range all {
		if free -= p.plain.Len(); free < 0 {
			return false
		}
	}
	return true
}

// MakeRoom reports whether c has room for messages, if need be after sending what merely waits for the loop's turn. It drops
// nothing, and closes nothing. From any goroutine.
func MakeRoom(c *Conn, all iter.Seq[*Prepared]) bool {
	c.mu.Lock()
	free := c.limits().MaxPending
	if q := c.tx; q != nil && q.blocked {
		free = c.room()
	}
	c.mu.Unlock()
	for p := range all { // compressed before the connection is locked, but not for a peer that will not get it
		if free -= p.frameFor(&c.sending).Len(); free < 0 {
			return false
		}
	}
	c.mu.Lock()
	defer c.unlockAndWake()
	n := c.pendingSizeOf(all)
	if q := c.tx; q != nil && c.room() < n && c.State() == Open {
		c.flushWaiting(q)
	}
	return c.room() >= n
}

// SendAll sends messages that were encoded before, or none of them: there is room for all, or the overflow policy does what it does
// for one message of their size. It fails as SendPrepared does. From any goroutine.
func SendAll(c *Conn, all iter.Seq[*Prepared]) error {
	for p := range all {
		p.frameFor(&c.sending) // compressed before the connection is locked
	}
	c.mu.Lock()
	defer c.unlockAndWake()
	return c.sendAll(all)
}

// Missed tells that c was not sent a message that its peer must not miss without knowing, because there was no room. A policy that
// closes for that does so here if it has not, as behind a Writer, where the program has caused it. From any goroutine.
func Missed(c *Conn) {
	c.mu.Lock()
	defer c.unlockAndWake()
	if c.State() == Open && c.overflow != OverflowRefuse && c.overflow != OverflowDropOldest {
		c.closeFull()
	}
}

// room is how many bytes of messages fit. mu is held.
func (c *sending) room() int {
	q, bound := c.tx, c.limits().MaxPending
	if q == nil {
		return bound
	}
	total, behind := q.lack(0, bound)
	if q.writer == nil {
		return -total
	}
	return -max(total, behind)
}

// sendAll is SendAll with mu held.
func (c *sending) sendAll(all iter.Seq[*Prepared]) error {
	if c.State() != Open {
		return ErrClosed
	}
	if err := c.claimRoom(c.pendingSizeOf(all), ""); err != nil {
		return err
	}
	for p := range all {
		q, key := c.out(), c.keyOf(p.key)
		if key != "" && q.blocked {
			c.supersede(q, key)
		}
		c.queueShared(q, p.frameFor(c), p.plain.Payload(), key)
	}
	return nil
}

// pendingSizeOf is how many bytes of MaxPending messages take together. mu is held.
func (c *sending) pendingSizeOf(all iter.Seq[*Prepared]) (n int) {
	for p := range all {
		n += c.sharedSize(p.frameFor(c), c.keyOf(p.key))
	}
	return n
}
