package session

import (
	"net"

	"github.com/framerail/framerail/frame"
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
	c.enqueue(&q.main, frame.Header{Fin: true, Opcode: op}, payload)
	q.main.NoteControl(c.frameSize(len(payload)))
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
