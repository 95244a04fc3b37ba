package session

import (
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/transport"
)

// closing is the part of a connection that knows how it ends: which side began, with which code and
// error, and how far it is. It sends nothing. The parts above add what they know, and the loop
// finishes.
type closing struct {
	link
	end *ending // guarded by mu; nil before the connection begins to close
}

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

// ending is the record of the connection's closing, begun if there is none. The
// first side and the first error stay. mu is held.
func (c *closing) ending(by Side, err error) *ending {
	if c.end == nil {
		c.end = &ending{info: CloseInfo{By: by, Received: frame.AbnormalClosure}}
	}
	if c.end.info.Err == nil {
		c.end.info.Err = err
	}
	return c.end
}

// closes reports whether the transport can be closed once what was pending is sent. RFC 6455 7.1.1: the server
// closes TCP first, once both Close frames have passed. mu is held.
func (e *ending) closes() bool { return e.eof || e.sent && e.received }

// lost notes that n bytes of frames will not be sent any more. mu is held.
func (c *closing) lost(n int) {
	if n > 0 {
		c.end.info.Unsent += n
		c.policy().count(rareUnsent, n)
	}
}

// dropping tells whether queued messages are of no more use: this side has begun
// to close.
func (c *closing) dropping() bool {
	if c.State() == Open {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.end != nil && c.end.drop
}

// dropTimers drops the functions whose time has not come. mu is held.
func (c *closing) dropTimers() {
	if c.extras != nil && c.extras.timers != nil {
		c.loop.afterFuncs.Add(-int64(len(c.extras.timers.heap)))
		c.extras.timers = nil
	}
}

// part closes the transport. What the system has taken and not sent, a Close frame included,
// has another close timeout to leave, unless it had that: a peer that does not read would have
// the system keep it for ever.
func (c *closing) part(over bool) {
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

// abort has the next settle close the transport, whatever is still to be waited for.
func (c *closing) abort(by Side, err error) {
	c.mu.Lock()
	if c.State() != Closed {
		c.ending(by, err).abort = true
	}
	c.mu.Unlock()
}

// abortOver is abort for a peer that has had its time for what was sent.
func (c *closing) abortOver(by Side, err error) {
	c.mu.Lock()
	if c.State() != Closed {
		e := c.ending(by, err)
		e.abort, e.over = true, true
	}
	c.mu.Unlock()
}
