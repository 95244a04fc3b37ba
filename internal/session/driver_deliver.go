package session

import (
	"unsafe"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/session/sendq"
	"github.com/framerail/framerail/internal/transport"
)

// Deliver is [Conn.SendPrepared] for a feature that is attached, on the loop. If nothing waits for the
// connection, the message goes to the transport at once. That saves the queue, and a visit of the loop to the
// connection: three quarters of the instructions of BenchmarkPublish in package topics. Each call is a system
// call then, so what is known to be followed by another message in this turn is for SendPrepared.
func Deliver(c *Conn, p *Prepared) error {
	d := (*Driver)(unsafe.Pointer(c)) // a Driver begins with its Conn
	d.check()
	if c.role() == frame.Client {
		return c.SendPrepared(p)
	}
	f := p.frameFor(&c.sending)
	c.mu.Lock()
	var err error
	if d.idle(f) {
		err = d.sendNow(f, p)
	} else {
		err = c.sendShared(f, p.plain.Payload(), p.key)
	}
	c.unlockAndWake()
	return c.noteTooLarge(err, len(p.plain.Payload()))
}

// idle reports whether nothing is to be sent before the frame, and there is room for it. mu is held.
func (d *Driver) idle(f *sendq.Frame) bool {
	return d.tx == nil && d.end == nil && d.State() == Open && !d.corked.Load() &&
		f.Len() <= d.limits().MaxPending-sendq.KeyCost
}

// sendNow gives a frame to the transport, and queues what that does not take. mu is held.
func (d *Driver) sendNow(f *sendq.Frame, p *Prepared) error {
	n, err := d.transport.Write(f.Vector())
	if err != nil && err != transport.ErrWouldBlock {
		d.broke("write", err)
		return ErrClosed
	}
	if n > 0 {
		d.sent = d.sentNow()
	}
	if n < f.Len() || err != nil {
		d.queueRest(f, p, n)
		return nil
	}
	sent := &d.policy().turn.sent
	sent.Messages++
	sent.Frames.Data++
	sent.Bytes += uint64(n)
	d.rememberIfShared(f, p.plain.Payload())
	return nil
}

// queueRest queues a frame of which the transport has taken n bytes, and no more. mu is held.
func (d *Driver) queueRest(f *sendq.Frame, p *Prepared, n int) {
	q := d.out()
	d.queueShared(q, f, p.plain.Payload(), d.keyOf(p.key))
	q.main.Consume(n)
	q.uncounted.bytes += uint64(n)
	q.held = d.heldBelow()
	q.blocked, q.refused = true, true
	d.attend |= attendInterest
}
