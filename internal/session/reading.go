package session

// reading is the part of a connection that takes in bytes: it reads them from the transport as
// far as the peer may be read from, has them parsed and inflated, and notes how they end.
type reading struct {
	timing
	rx *receiver // nil between two reads, unless something is unfinished
}

// read takes from the transport what is at hand, within the budget of a turn.
func (d *reading) read() {
	d.check()
	d.interest &^= interestUnread
	d.resume()
	d.readAtHand()
	if d.rx != nil && d.rx.inPlace() {
		d.rx.moveOut() // the loop's other connections read into its buffer next
	}
}

func (d *reading) readAtHand() {
	for budget := readBudget; (budget > 0 || d.rx != nil && d.rx.goesOn()) && d.flowing() && !d.starved(); {
		b := d.readInto()
		n, err := d.transport.Read(b)
		if n > 0 {
			d.policy().turn.received.Bytes += uint64(n)
			d.hear()
			d.receive(b[:n])
		}
		if err != nil {
			d.readFailed(err)
			break
		}
		if n < len(b) {
			return
		}
		budget -= n
	}
	if d.unread() {
		d.interest |= interestUnread
	}
}

// flowing tells whether the transport may be read from. What is stashed comes
// first: the hold on it may end at any moment, and nothing must overtake it.
func (d *reading) flowing() bool {
	return d.input != inputDone && !d.holding() && (d.rx == nil || d.rx.stash == nil)
}

// holding tells whether the peer must not be read from now. Once this side is
// closing nothing is delivered any more, and its Close must be found.
func (d *reading) holding() bool {
	return d.held() && d.State() == Open
}

// readInto is where the next bytes go: the loop's buffer or, in the middle of a
// large payload, to the message, up to the payload's end and no further.
func (d *reading) readInto() []byte {
	rx := d.rx
	if rx == nil || rx.streaming || rx.msg == nil || rx.inflation != nil || d.input != inputFrames {
		return d.loop.readBuf
	}
	missing := rx.dec.Remaining()
	if rx.inPlace() {
		if rx.goesOn() {
			room := rx.asm.Spare(0)
			return room[:min(int64(len(room)), missing)]
		}
		rx.moveOut()
	}
	size, room := len(rx.asm.Buf), cap(rx.asm.Buf)-len(rx.asm.Buf)
	if missing < directRead || room < directRead && size < directRead {
		return d.loop.readBuf // to double such a buffer would not make enough room
	}
	b := rx.asm.Spare(directRead)
	return b[:min(int64(len(b)), missing, directMost)]
}

// starved tells whether what comes next would make a message grow for which there are no
// buffers. Those that come whole need none, and once this side is closing none is taken.
func (d *reading) starved() bool {
	if d.rx == nil || d.rx.msg == nil || d.State() != Open || d.loop.Short == nil || !d.loop.Short() {
		return false
	}
	d.hear() // it is this side that does not read
	return true
}

// stalled reports whether bytes are waiting that could be read now. While they wait for buffers the loop
// comes back to them by itself, because no event would.
func (d *reading) stalled() bool {
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
func (d *reading) resume() {
	if d.stalled() {
		d.receive(d.rx.rest)
	}
}

// resting tells whether bytes wait for the loop to come back to the connection, as it was
// asked to. What arrives meanwhile comes behind them.
func (d *reading) resting() bool {
	if d.interest&interestUnread == 0 || d.rx == nil || d.rx.stash == nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.attend&attendAsked != 0
}
