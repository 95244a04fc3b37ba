package conn

// starved tells whether what comes next would make a message grow for which there are no
// buffers. Those that come whole need none, and once this side is closing none is taken.
func (d *Driver) starved() bool {
	if d.rx == nil || d.rx.msg == nil || (*Conn)(d).State() != Open || d.loop.Short == nil || !d.loop.Short() {
		return false
	}
	d.hear() // it is this side that does not read
	return true
}
