package session

import (
	"net"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/transport"
)

// sendControl queues a control frame. mu is held.
func (c *writing) sendControl(op frame.Opcode, payload []byte) error {
	if c.State() != Open {
		return ErrClosed
	}
	q := c.out()
	n := c.frameSize(len(payload))
	if !q.fits(n, c.limits().MaxPending) && q.main.Control()+n > controlReserve {
		return ErrPendingFull
	}
	c.enqueueControl(q, op, payload)
	return nil
}

func (c *writing) enqueueControl(q *queue, op frame.Opcode, payload []byte) {
	if op == frame.Ping && c.flags.Load()&flagMeasures != 0 {
		c.extras.roundTrip.pinged(c.loop.now(), payload)
	}
	c.enqueue(&q.main, frame.Header{Fin: true, Opcode: op}, payload)
	q.main.NoteControl(c.frameSize(len(payload)))
}

// sendPong answers a ping; if there is no room now, the latest one later. mu is held.
func (c *writing) sendPong(payload []byte) {
	q := c.out()
	n := c.frameSize(len(payload))
	if q.blocked && q.main.Control()+n > controlReserve || c.sendControl(frame.Pong, payload) != nil {
		if q.pong == nil {
			q.pong = c.loop.pool.Get(frame.MaxControlPayload)
		}
		q.pong.B = append(q.pong.B[:0], payload...)
		return
	}
	q.dropPong()
}

// sendClose queues the Close frame, the last one of this side. mu is held.
func (c *writing) sendClose(e *ending, code frame.CloseCode, reason string, payload []byte) {
	e.sent = true
	e.info.Sent = code
	if e.info.By == Local {
		e.info.Reason = reason
	}
	c.enqueue(&c.out().main, frame.Header{Fin: true, Opcode: frame.Close}, payload)
	c.setClosing()
}

// wireCode is the code in CloseInfo for a sent one. A Close frame without a code counts as 1005 (RFC 6455
// 7.1.5).
func wireCode(code frame.CloseCode) frame.CloseCode {
	if code == 0 {
		return frame.NoStatusReceived
	}
	return code
}

// setClosing ends sending. Sends that wait for room give up. mu is held.
func (c *writing) setClosing() {
	c.setState(Closing)
	c.dropTimers()
	if c.tx != nil {
		c.tx.wakeWriter()
		c.tx.waiters.wakeAll()
	}
}

// broke ends the connection for a failure of the transport. mu is held.
func (c *writing) broke(op string, err error) {
	c.ending(Nobody, &net.OpError{Op: op, Err: err}).abort = true
	c.setClosing()
}

// step goes on with closing once what was pending is sent, and tells whether the
// transport can be closed. mu is held.
func (c *writing) step() (finish bool) {
	e := c.end
	if e == nil {
		return false
	}
	if e.abort {
		return true
	}
	if q := c.tx; q != nil && q.main.Len()+q.held > 0 {
		return false
	}
	if e.closes() {
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
