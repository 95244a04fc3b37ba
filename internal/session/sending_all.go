package session

import "iter"

// Messages that belong together, such as those that a client has missed, are sent all or not at all. These functions are for a
// feature that is attached to connections: see [Attachment]. The caller holds the messages.

// MayFit reports whether messages fit into MaxPending before they are compressed, if nothing else waits. It bounds what MakeRoom
// and SendAll compress for one call: ask it first. From any goroutine.
func MayFit(c *Conn, all iter.Seq[*Prepared]) bool {
	free := c.limits().MaxPending
	for p := range all {
		if free -= p.plain.Len(); free < 0 {
			return false
		}
	}
	return true
}

// MakeRoom reports whether c has room for messages, so that SendAll sends them whatever the policy is. If need be it sends what merely
// waits for the loop's turn. It drops nothing, and closes nothing unless the transport breaks. From any goroutine.
func MakeRoom(c *Conn, all iter.Seq[*Prepared]) bool {
	c.mu.Lock()
	free := c.limits().MaxPending
	if q := c.tx; q != nil && q.blocked {
		free = c.room()
	}
	c.mu.Unlock()
	for p := range all { // compressed before the connection is locked, but no more than a peer that does not read has room for
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

// SendAll sends messages, or none of them. If there is no room for all, the overflow policy does what it does for one message of their
// size. It fails as SendPrepared does, but with ErrPendingFull also if they can never fit. From any goroutine.
func SendAll(c *Conn, all iter.Seq[*Prepared]) error {
	for p := range all {
		p.frameFor(&c.sending) // compressed before the connection is locked
	}
	c.mu.Lock()
	defer c.unlockAndWake()
	return c.sendAll(all)
}

// Missed notes that c had no room for a message that its peer must not miss without knowing. A policy that closes then has mostly
// closed c already. It has not if the program's own Writer was in the way: Missed does so. From any goroutine.
func Missed(c *Conn) {
	c.mu.Lock()
	defer c.unlockAndWake()
	if c.State() == Open && c.overflow != OverflowRefuse && c.overflow != OverflowDropOldest {
		c.closeFull()
	}
}

// room is how many bytes of messages fit now; negative if there are too many. While a Writer is open they wait behind its message. mu
// is held.
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
