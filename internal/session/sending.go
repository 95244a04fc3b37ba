package session

import (
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/session/sendq"
)

// sending is the part of a connection that sends whole messages. It decides what becomes of one
// for which there is no room, compresses, and has senders take their turns. Its state is in the
// parts below: the queue, the policy, and the contexts of compression.
type sending struct{ writing }

// sendMessageLocked queues a whole message, behind the one that a Writer is writing. mu is held.
func (c *sending) sendMessageLocked(h frame.Header, payload []byte, key string) error {
	if c.State() != Open {
		return ErrClosed
	}
	n := c.frameSize(len(payload))
	if key = c.keyOf(key); key != "" {
		return c.sendKeyed(h, payload, key, n+sendq.KeyCost)
	}
	if n > c.limits().MaxPending {
		return ErrMessageTooLarge
	}
	q := c.out()
	if total, behind := q.lack(n, c.limits().MaxPending); total > 0 || behind > 0 {
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
func (c *sending) sendKeyed(h frame.Header, payload []byte, key string, n int) error {
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

// makeWriterRoom sees that n more bytes of a Writer's frames fit, if need be by sending
// what merely waits for the loop's turn. mu is held.
func (c *sending) makeWriterRoom(n int) error {
	q := c.out()
	if q.hasRoomFor(n, c.limits().MaxPending) {
		return nil
	}
	if c.flushWaiting(q) {
		if c.State() != Open {
			return ErrClosed // it broke
		}
		q = c.out()
	}
	if q.hasRoomFor(n, c.limits().MaxPending) {
		return nil
	}
	q.refused = q.refused || !q.main.Empty()
	return ErrPendingFull
}

// noteTooLarge logs that a message could not be sent to any peer, however fast it reads. Programs often
// ignore Send's error, and their peers would then wait in vain.
func (c *sending) noteTooLarge(err error, size int) error {
	if err == ErrMessageTooLarge {
		c.config().Logger.Warn("framerail: a message is larger than MaxPending and was not sent",
			"remote", c.RemoteAddr(), "bytes", size, "MaxPending", c.limits().MaxPending)
	}
	return err
}

// sendable tells why a message cannot be sent; nil if it can.
func sendable(t frame.Opcode, valid bool, payload []byte) error {
	switch {
	case t == Binary, t == Text && valid:
		return nil
	case t != Text:
		return ErrMessageType
	case !frame.ValidText(payload):
		return ErrNotUTF8
	}
	return nil
}
