package session

import "github.com/framerail/framerail/internal/transport"

// heldBelow is how many bytes the transport holds back. mu is held.
func (c *Conn) heldBelow() int {
	if h, ok := c.transport.(transport.Holder); ok {
		return h.Held()
	}
	return 0
}

// noteHeld sees that what the transport holds back, which was none of the queue's, is
// written as soon as it can be. mu is held.
func (c *Conn) noteHeld() {
	if n := c.heldBelow(); n > 0 && c.State() != Closed {
		q := c.out()
		q.held, q.blocked = n, true
	}
}

// noteUnread notes that the transport may have more at hand.
func (d *Driver) noteUnread() {
	if h, ok := d.transport.(transport.Holder); ok && h.Unread() {
		d.interest |= interestUnread
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
