package relay

import "github.com/framerail/framerail/poller"

// watch is what a poller watches a Conn for. Guarded by the Conn's mu.
type watch struct {
	poller   *Poller // nil: none watches
	token    uint64
	interest poller.Interest
	listed   *Poller // the one that will look at the Conn; nil for none
}

// watchBy has a poller watch the Conn, or changes for what.
func (c *Conn) watchBy(p *Poller, i poller.Interest, token uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watch.poller, c.interest, c.token = p, i, token
	c.readOn()
	c.notify()
}

// unwatch ends that.
func (c *Conn) unwatch() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.watch.poller = nil
}

// notify has the poller look at the Conn, if that is ready for something that it is watched for. mu is held.
func (c *Conn) notify() {
	p := c.watch.poller
	if p == nil || c.listed == p || c.readiness()&c.interest == poller.None {
		return
	}
	c.listed = p
	p.list(c)
}

// look returns the event for a poller that has the Conn on its list. ok is false if there is none, and the
// Conn must be taken from the list.
func (c *Conn) look(p *Poller) (ev poller.Event, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.watch.poller == p {
		ev = poller.Event{Token: c.token, Ready: c.readiness() & c.interest}
	}
	if ev.Ready == poller.None {
		if c.listed == p {
			c.listed = nil
		}
		return ev, false
	}
	return ev, true
}
