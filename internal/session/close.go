package session

import (
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/transport"
)

// fail gives up on the peer for what it sent, at once.
func (d *Driver) fail(err error) {
	d.check()
	d.failFor(err)
	d.discard(err)
}

// failInOrder gives up on the peer for what it sent, behind the callbacks that wait: what it
// sent before was right, and is answered first. From here on nothing is parsed.
func (d *Driver) failInOrder(err error) {
	d.check()
	c := &d.Conn
	if c.inline() || c.State() != Open || !c.queued() {
		d.fail(err)
		return
	}
	c.mu.Lock()
	c.ending(Local, err)
	c.mu.Unlock()
	d.input = inputDiscard
	d.dropReceiver()
	d.startEndTimer()
	c.post(event{kind: eventFail, err: err})
}

// discard stops parsing: what arrives from now on is read and dropped, so that
// closing the socket does not reset it before the peer has read the Close frame.
func (d *Driver) discard(err error) {
	d.check()
	if d.input == inputFrames {
		d.input = inputDiscard
	}
	d.cut(err)
	d.dropReceiver()
}

// cut tells a Stream callback that its message will not be finished.
func (d *Driver) cut(err error) {
	if d.rx != nil && d.rx.streaming {
		d.rx.streaming = false
		d.post(event{kind: eventCut, err: err})
	}
}

// closeFrame handles the peer's Close frame, after which nothing comes (RFC 6455
// 5.5.1). Messages that are queued for callbacks go first.
func (d *Driver) closeFrame(payload []byte) {
	c := &d.Conn
	code, reason, err := frame.ParseClose(payload)
	if err != nil {
		d.failInOrder(err)
		return
	}
	c.mu.Lock()
	e := c.ending(Peer, nil)
	e.info.Received = code
	if e.info.By == Peer {
		e.info.Reason = string(reason)
	}
	answer := c.State() != Open // to this side's Close frame
	c.mu.Unlock()
	if answer {
		c.peerEnded(nil)
		d.input = inputDone
		d.cut(ErrClosed)
		return
	}
	d.inputEnded(event{kind: eventEnd})
}

// step goes on with closing once what was pending is sent, and tells whether the
// transport can be closed. mu is held.
func (e *ending) step(c *Conn) (finish bool) {
	if e.abort {
		return true
	}
	if q := c.tx; q != nil && q.main.Len()+q.held > 0 {
		return false
	}
	// RFC 6455 7.1.1: the server closes TCP first, once both Close frames have passed.
	if e.eof || e.sent && e.received {
		return true
	}
	if e.failed && !e.halfClosed {
		e.halfClosed = true
		switch err := c.transport.CloseWrite(); err {
		case nil:
		case transport.ErrWouldBlock:
			c.noteHeld()
		default:
			return true // the peer is gone already
		}
	}
	return false
}

// beginEnd does what falls to the loop when a connection begins to close.
func (d *Driver) beginEnd() {
	d.startEndTimer()
	d.mu.Lock()
	failed, err := d.end.failed, d.end.info.Err
	d.mu.Unlock()
	if failed {
		d.discard(err)
	} else if d.State() != Open {
		d.cut(ErrClosed)
	}
}

func (d *Driver) startEndTimer() {
	d.check()
	if !d.Ending() {
		d.interest |= endTimed
		limits := d.limits()
		d.heard = stamp(d.loop.Now, limits.closeShift)
		d.loop.host.SetTimer(d, limits.CloseTimeout)
	}
}

// closeLate ends the wait for the peer's Close, unless it has come: a loop that was
// kept from its work fires timers before it has read from all that are ready.
func (d *Driver) closeLate() {
	c := &d.Conn
	d.corked.Store(true)
	d.read()
	c.mu.Lock()
	d.flushTurn()
	over := c.end != nil && c.end.step(c)
	c.mu.Unlock()
	if over {
		return
	}
	limits := c.limits()
	if left := limits.CloseTimeout - passed(d.heard, stamp(d.loop.Now, limits.closeShift), limits.closeShift); left > 0 {
		d.loop.host.SetTimer(d, left)
		return
	}
	d.abortOver(Nobody, ErrCloseTimeout)
}

// finish closes the transport, whatever is still pending, and lets the loop
// forget the connection.
func (d *Driver) finish() {
	d.check()
	c := &d.Conn
	c.mu.Lock()
	if q := c.tx; q != nil {
		c.lost(q.pending())
		q.uncounted.onLoop = true
		c.returnQueue(q)
	}
	d.loop.countClose(&c.end.info)
	c.dropContexts()
	c.setState(Closed)
	c.policy().leaveLimits(c.limits())
	c.release(holdAny)
	over := c.end.over
	c.dropTimers()
	late := c.funcsWait()
	c.mu.Unlock()

	d.input = inputDone
	d.dropReceiver()
	d.logEnd(c.closeInfo())
	d.loop.host.Closed(d)
	c.part(over) // it is no longer used
	c.endLife()
	if late { // functions came that have not run; one of them may end the goroutine
		defer c.deliver(event{kind: eventClose})
		d.lastFuncs()
		return
	}
	c.deliver(event{kind: eventClose})
}

// CloseInfo is how the connection ended, from Host.Closed on.
func (d *Driver) CloseInfo() CloseInfo {
	d.check()
	return d.closeInfo()
}

// logEnd logs that this side gave up on a peer for what it did not do. For what it
// did there is a line already; that peers and networks go away is no event.
func (d *Driver) logEnd(info CloseInfo) {
	if info.Err == ErrIdle || info.Err == ErrPendingFull {
		d.config().Logger.Info("framerail: connection given up", "remote", d.RemoteAddr(),
			"code", uint16(info.Sent), "error", info.Err, "unsent", info.Unsent)
	}
}
