package session

// postIncoming queues a message for Receive, or how the peer ended. It queues it for a callback if one
// was set meanwhile. From the loop.
func (d *calling) postIncoming(ev event) {
	d.mu.Lock()
	if h := &d.terms.Load().Handlers; h.Message != nil || h.Stream != nil {
		d.mu.Unlock()
		d.post(ev)
		return
	}
	in := d.receiving()
	in.put(ev)
	if in.full(d.limits()) {
		d.hold(holdReceive)
	}
	d.mu.Unlock()
}

// deliverEnd delivers how the peer ended, behind the messages that it sent: a program that reads
// answers them before the peer's Close frame is answered.
func (d *calling) deliverEnd(ev event) {
	if d.reads() {
		d.postIncoming(ev)
		return
	}
	d.deliver(ev)
}

// unreceived tells whether messages wait for Receive.
func (d *calling) unreceived() bool {
	if !d.reads() {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	in := d.received()
	return in != nil && in.waiting() > 0
}
