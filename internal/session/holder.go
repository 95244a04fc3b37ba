package session

import "github.com/framerail/framerail/internal/transport"

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
