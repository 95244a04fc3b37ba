package session

// starved tells whether what comes next would make a message grow for which there are no
// buffers. Those that come whole need none, and once this side is closing none is taken.
func (d *Driver) starved() bool {
	if d.rx == nil || d.rx.msg == nil || d.State() != Open || d.loop.Short == nil || !d.loop.Short() {
		return false
	}
	d.hear() // it is this side that does not read
	return true
}

// stalled reports whether bytes are waiting that could be read now. While they wait for buffers the loop
// comes back to them by itself, because no event would.
func (d *Driver) stalled() bool {
	if d.rx == nil || d.rx.stash == nil || d.holding() {
		return false
	}
	if d.loop.tired() {
		d.hear() // it is this side that does not read
		d.interest |= interestUnread
		return false
	}
	if d.rx.inflating() && d.starved() {
		d.interest |= interestUnread
		return false
	}
	return true
}

// resume takes in what had to wait, if it can be.
func (d *Driver) resume() {
	if d.stalled() {
		d.receive(d.rx.rest)
	}
}
