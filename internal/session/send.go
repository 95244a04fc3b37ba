package session

import (
	"unsafe"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/session/sendq"
)

// Send sends one message, of type Text or Binary. It never blocks, whereas [Conn.SendAsWait]
// waits for a peer that is slow, and may be called from any goroutine: a
// message that is short is copied and leaves with the loop's turn, a long one goes
// to the socket at once and only what that does not take is copied. The caller may
// reuse payload when Send returns.
//
// Text that is not UTF-8 fails with ErrNotUTF8. Outgoing.Valid sends text without the check.
//
// Messages of one goroutine arrive
// in the order they were sent. Send fails, and sends nothing, with ErrClosed once
// the connection is closing, with ErrPendingFull if the message would pass the
// bound on pending bytes and [Overflow] does not make room for it, with
// ErrMessageTooLarge, which is logged, if it is larger than that bound, and with ErrMessageType for any
// other type.
func (c *Conn) Send(t MessageType, payload []byte) error {
	t, err := outgoing(t, payload)
	if err != nil {
		return err
	}
	return c.sendMessage(t, payload, "")
}

// SendText sends s as a text message, as Send does. It does not allocate.
func (c *Conn) SendText(s string) error { return c.Send(Text, bytesOf(s)) }

// SendBinary sends b as a binary message, as Send does.
func (c *Conn) SendBinary(b []byte) error { return c.sendMessage(Binary, b, "") }

// bytesOf is s as bytes that must not be changed.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// Ping sends a ping with at most 125 bytes of payload (RFC 6455 5.5.2). The peer
// answers with a pong of the same payload. Control frames have a small reserve
// beyond the bound on pending bytes; Ping fails as Send does once that is full.
func (c *Conn) Ping(payload []byte) error { return c.control(frame.Ping, payload) }

// Pong sends a pong, in answer to a ping or unasked (RFC 6455 5.5.3), as Ping does.
func (c *Conn) Pong(payload []byte) error { return c.control(frame.Pong, payload) }

func (c *Conn) control(op frame.Opcode, payload []byte) error {
	if len(payload) > frame.MaxControlPayload {
		return ErrControlTooLong
	}
	c.mu.Lock()
	err := c.sendControl(op, payload)
	if err == ErrPendingFull {
		c.tx.refused = true
	}
	c.unlockAndWake()
	return err
}

// sendControl queues a control frame. mu is held.
func (c *Conn) sendControl(op frame.Opcode, payload []byte) error {
	if c.State() != Open {
		return ErrClosed
	}
	q := c.out()
	n := c.frameSize(len(payload))
	if !c.fits(q, n) && q.main.Control()+n > controlReserve {
		return ErrPendingFull
	}
	c.enqueueControl(q, op, payload)
	return nil
}

func (c *Conn) enqueueControl(q *queue, op frame.Opcode, payload []byte) {
	c.enqueue(&q.main, frame.Header{Fin: true, Opcode: op}, payload)
	q.main.NoteControl(c.frameSize(len(payload)))
}

// answerPing answers a ping with a pong; if there is no room now, the latest one later.
func (c *Conn) answerPing(payload []byte) {
	c.mu.Lock()
	defer c.unlockAndWake()
	if c.State() != Open {
		return
	}
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

// sendMessage sends a whole message, behind the one that a Writer is writing.
func (c *Conn) sendMessage(t MessageType, payload []byte, key string) error {
	if c.compresses(len(payload)) {
		return c.noteTooLarge(c.sendCompressed(t, payload, key), len(payload))
	}
	return c.sendPlain(t, payload, key)
}

// noteTooLarge logs that a message could not be sent to any peer, however fast it reads. Programs often
// ignore Send's error, and their peers would then wait in vain.
func (c *Conn) noteTooLarge(err error, size int) error {
	if err == ErrMessageTooLarge {
		c.config().Logger.Warn("framerail: a message is larger than MaxPending and was not sent",
			"remote", c.RemoteAddr(), "bytes", size, "MaxPending", c.limits().MaxPending)
	}
	return err
}

// sendPlain is sendMessage without compression.
func (c *Conn) sendPlain(t MessageType, payload []byte, key string) error {
	c.mu.Lock()
	err := c.sendMessageLocked(frame.Header{Fin: true, Opcode: t}, payload, key)
	c.unlockAndWake()
	return c.noteTooLarge(err, len(payload))
}

func (c *Conn) sendMessageLocked(h frame.Header, payload []byte, key string) error {
	if c.State() != Open {
		return ErrClosed
	}
	n := c.frameSize(len(payload))
	if c.overflow != OverflowLatest {
		key = ""
	}
	if key != "" {
		return c.sendKeyed(h, payload, key, n+sendq.KeyCost)
	}
	if n > c.limits().MaxPending {
		return ErrMessageTooLarge
	}
	q := c.out()
	if total, behind := c.lack(q, n); total > 0 || behind > 0 {
		if err := c.claimRoom(n, ""); err != nil {
			return err
		}
		q = c.out()
	}
	if q.writer != nil {
		c.enqueue(&q.writer.behind, h, payload)
		return nil
	}
	return c.sendFrame(h, payload)
}

// sendKeyed queues a message that a later one of its key may replace. It takes n bytes
// of the bound. mu is held.
func (c *Conn) sendKeyed(h frame.Header, payload []byte, key string, n int) error {
	if n > c.limits().MaxPending {
		return ErrMessageTooLarge
	}
	if err := c.claimRoom(n, key); err != nil {
		return err
	}
	q := c.out()
	l := &q.main
	if q.writer != nil {
		l = &q.writer.behind
	}
	l.NoteKey(&c.loop.sends, key, c.frameSize(len(payload)))
	c.enqueue(l, h, payload)
	c.boundPending(q)
	return nil
}

// makeRoom sees that n more bytes of a Writer's frames fit, if need be by sending
// what merely waits for the loop's turn. mu is held.
func (c *Conn) makeRoom(n int) error {
	q := c.out()
	if c.hasRoomFor(q, n) {
		return nil
	}
	if !q.blocked && !q.main.Empty() {
		c.flush()
		if c.State() != Open {
			return ErrClosed // it broke
		}
		q = c.out()
	}
	if c.hasRoomFor(q, n) {
		return nil
	}
	q.refused = q.refused || !q.main.Empty()
	return ErrPendingFull
}

// hasRoomFor tells whether a Writer's frame of n bytes fits. What was gathered under a larger
// bound goes alone; and what waits behind the message must not keep it from its end, be it
// more than the bound is by now. mu is held.
func (c *Conn) hasRoomFor(q *queue, n int) bool {
	return c.fits(q, n) || q.main.Empty() && q.held == 0
}

// sendFrame puts a data frame on its way: into the queue or, where copying costs
// more than a system call of its own, to the transport at once. mu is held.
func (c *Conn) sendFrame(h frame.Header, payload []byte) error {
	q := c.out()
	if len(payload) >= directWrite && !q.blocked && q.main.Chunks() <= sendq.MaxVector && c.role() == frame.Server {
		return c.writeThrough(q, h, payload)
	}
	c.enqueue(&q.main, h, payload)
	c.boundPending(q)
	return nil
}

// writeThrough writes what is pending and the frame behind it, without a copy of
// the payload; what the transport does not take is queued. mu is held.
func (c *Conn) writeThrough(q *queue, h frame.Header, payload []byte) error {
	h.PayloadLen = int64(len(payload))
	v := c.loop.sends.LendVector()
	defer c.loop.sends.TakeVector(v)
	head := frame.AppendHeader(v.Head[:0], h)
	n, ok := c.write(q, append(q.main.Vector(v.Buffers[:0]), head, payload))
	if !ok {
		return ErrClosed
	}
	queued := min(n, q.main.Len())
	q.main.Consume(queued)
	c.countTaken(q, h)
	n -= queued
	if n < len(head)+len(payload) {
		inHead := min(n, len(head))
		q.main.Append(&c.loop.sends, head[inHead:])
		q.main.Append(&c.loop.sends, payload[n-inHead:])
		if n > 0 {
			q.main.Freeze()
		}
		c.boundPending(q)
	}
	c.flushed(q)
	return nil
}

// frameSize is the size of a frame of this side's with n bytes of payload.
func (c *Conn) frameSize(n int) int {
	size := 2 + n
	switch {
	case n > 0xFFFF:
		size += 8
	case n > 125:
		size += 2
	}
	if c.role() == frame.Client {
		size += 4
	}
	return size
}

// unlockAndWake lets go of mu and sees that the loop does what is left to do.
func (c *Conn) unlockAndWake() {
	wake := c.due() && c.wake()
	if q := c.tx; q != nil && q.blocked {
		c.countSent(q) // the loop may not come for long
	}
	c.mu.Unlock()
	if wake {
		c.loop.host.Schedule(c)
	}
}

// due tells whether there is anything for the loop to do. mu is held.
func (c *Conn) due() bool {
	if c.attend&^attendAsked != 0 || c.end != nil {
		return true
	}
	q := c.tx
	if q == nil || q.blocked {
		return false // the loop waits for the transport already
	}
	return !q.main.Empty() || q.writer == nil
}
