package session

import (
	"errors"
	"net"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/transport"
)

// ending is how far a connection is with closing (RFC 6455 7). Guarded by mu.
type ending struct {
	info CloseInfo

	sent       bool // a Close frame is in the queue, or was sent
	received   bool // the peer's has come, and is answered
	eof        bool // the peer's stream has ended
	failed     bool // RFC 6455 7.1.7: this side gave up on the peer
	abort      bool // no more waiting
	drop       bool // messages that are queued for callbacks are of no more use
	halfClosed bool // the sending direction has ended
	over       bool // the time for a Close frame is over, or none was sent
	shed       bool // what waited was given up for the memory it held
}

// Close begins the closing handshake (RFC 6455 7.1.2): what is pending is sent,
// then a Close frame with the code and a reason of at most 123 bytes of UTF-8, then
// the peer's Close is awaited, at most for the close timeout. Nothing can be sent
// after it; messages that still arrive, or wait for callbacks on goroutines, are
// dropped. The close callback tells how it ended.
//
// A code of 0 or NoStatusReceived sends a Close frame without one. A code that may
// not be sent, or a reason too long or not UTF-8, is an error and nothing is sent.
// On a connection that is closing already, Close fails with ErrClosed.
func (c *Conn) Close(code frame.CloseCode, reason string) error {
	var scratch [frame.MaxControlPayload]byte
	payload, err := frame.AppendClose(scratch[:0], code, reason)
	if err != nil {
		return err
	}
	c.mu.Lock()
	if c.State() != Open {
		c.mu.Unlock()
		return ErrClosed
	}
	e := c.ending(Local, nil)
	e.drop = true
	c.sendClose(e, wireCode(code), reason, payload)
	c.unlockAndWake()
	return nil
}

// wireCode is the code in CloseInfo for a sent one. A Close frame without a code counts as 1005 (RFC 6455
// 7.1.5).
func wireCode(code frame.CloseCode) frame.CloseCode {
	if code == 0 {
		return frame.NoStatusReceived
	}
	return code
}

// ending is the record of the connection's closing, begun if there is none. The
// first side and the first error stay. mu is held.
func (c *Conn) ending(by Side, err error) *ending {
	if c.end == nil {
		c.end = &ending{info: CloseInfo{By: by, Received: frame.AbnormalClosure}}
	}
	if c.end.info.Err == nil {
		c.end.info.Err = err
	}
	return c.end
}

// sendClose queues the Close frame, the last one of this side. mu is held.
func (c *Conn) sendClose(e *ending, code frame.CloseCode, reason string, payload []byte) {
	e.sent = true
	e.info.Sent = code
	if e.info.By == Local {
		e.info.Reason = reason
	}
	c.enqueue(&c.out().main, frame.Header{Fin: true, Opcode: frame.Close}, payload)
	c.setClosing()
}

// setClosing ends sending. Sends that wait for room give up. mu is held.
func (c *Conn) setClosing() {
	c.setState(Closing)
	c.dropTimers()
	if c.tx != nil {
		c.tx.wakeWriter()
		c.tx.waiters.wakeAll()
	}
}

// failWith fails the connection (RFC 6455 7.1.7). It sends a Close frame with the code, ends the sending
// direction, and drops further input. Events that wait for callbacks are dropped only if drop is set, so
// that slow callbacks get the same events as fast ones. From any goroutine.
func (c *Conn) failWith(code frame.CloseCode, reason string, err error, drop bool) {
	c.mu.Lock()
	if c.State() == Closed {
		c.mu.Unlock()
		return
	}
	e := c.ending(Local, err)
	e.failed = true
	e.drop = e.drop || drop
	if !e.sent {
		var scratch [frame.MaxControlPayload]byte
		payload, _ := frame.AppendClose(scratch[:0], code, reason) // ours can be sent
		c.sendClose(e, code, reason, payload)
	}
	c.unlockAndWake()
}

// broke ends the connection for a failure of the transport. mu is held.
func (c *Conn) broke(op string, err error) {
	c.ending(Nobody, &net.OpError{Op: op, Err: err}).abort = true
	c.setClosing()
}

// fail gives up on the peer for what it sent, at once.
func (d *Driver) fail(err error) {
	d.check()
	d.failFor(err)
	d.discard(err)
}

// failFor is failWith for what the peer sent, which is logged. From any goroutine.
func (c *Conn) failFor(err error) {
	code, reason := frame.InternalError, ""
	if fault := (*frame.Error)(nil); errors.As(err, &fault) {
		code, reason = fault.Code, fault.Rule
	}
	c.config().Logger.Info("framerail: connection failed", "remote", c.RemoteAddr(), "code", uint16(code), "error", err)
	c.failWith(code, reason, err, false)
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

// peerEnded answers the peer's Close frame with one of the same code (RFC 6455
// 5.5.1) or, if err is not nil, notes that the peer's stream has ended without one.
func (c *Conn) peerEnded(err error) {
	c.mu.Lock()
	if c.State() == Closed {
		c.mu.Unlock()
		return
	}
	if err != nil {
		c.ending(Nobody, err).eof = true
		c.setClosing()
	} else {
		e := c.ending(Peer, nil)
		e.received = true
		if !e.sent {
			var scratch [frame.MaxControlPayload]byte
			payload, _ := frame.AppendClose(scratch[:0], e.info.Received, "") // what may come may go
			c.sendClose(e, e.info.Received, "", payload)
		}
	}
	c.unlockAndWake()
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

// part closes the transport. What the system has taken and not sent, a Close frame included,
// has another close timeout to leave, unless it had that: a peer that does not read would have
// the system keep it for ever.
func (c *Conn) part(over bool) {
	t, ok := c.transport.(transport.Cutter)
	switch {
	case !ok:
		_ = c.transport.Close()
	case over:
		_ = t.Cut(0)
	default:
		_ = t.Cut(c.limits().CloseTimeout)
	}
}

// lost notes that n bytes of frames will not be sent any more. mu is held.
func (c *Conn) lost(n int) {
	if n > 0 {
		c.end.info.Unsent += n
		c.loop.count(rareUnsent, n)
	}
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

func (c *Conn) closeInfo() CloseInfo {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.extras != nil {
		c.end.info.Dropped = c.extras.drops.messages
	}
	return c.end.info
}

// dropping tells whether queued messages are of no more use: this side has begun
// to close.
func (c *Conn) dropping() bool {
	if c.State() == Open {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.end != nil && c.end.drop
}
