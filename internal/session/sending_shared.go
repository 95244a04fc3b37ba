package session

import (
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/session/sendq"
)

// sendShared queues a frame that other connections may hold too, as sendMessageLocked queues
// a copy. payload is what the peer will have read. mu is held.
func (c *sending) sendShared(f *sendq.Frame, payload []byte, key string) error {
	if c.State() != Open {
		return ErrClosed
	}
	key = c.keyOf(key)
	n := c.sharedSize(f, key)
	if n > c.limits().MaxPending {
		return ErrMessageTooLarge
	}
	q := c.out()
	if total, behind := q.lack(n, c.limits().MaxPending); key != "" || total > 0 || behind > 0 {
		if err := c.claimRoom(n, key); err != nil {
			return err
		}
		q = c.out()
	}
	c.queueShared(q, f, payload, key)
	return nil
}

// keyOf is the key under which a message waits; none where the policy knows no keys. mu is held.
func (c *sending) keyOf(key string) string {
	if c.overflow != OverflowLatest {
		return ""
	}
	return key
}

// sharedSize is how many bytes of MaxPending a frame takes, with its key.
func (c *sending) sharedSize(f *sendq.Frame, key string) int {
	n := c.frameSize(len(f.Payload()))
	if key != "" {
		n += sendq.KeyCost
	}
	return n
}

// queueShared queues a frame for which there is room. A client's queue gets a masked copy (RFC 6455 5.3). It has the frame's tag, by
// which attachments hear of it if it is dropped. mu is held.
func (c *sending) queueShared(q *queue, f *sendq.Frame, payload []byte, key string) {
	isClient := c.role() == frame.Client
	if isClient {
		f = f.Masked(c.loop.sends.NewMaskingKey())
	}
	l := &q.main
	if q.writer != nil {
		l = &q.writer.behind
	}
	if key != "" {
		l.NoteKey(&c.loop.sends, key, f.Len())
	}
	c.countTaken(q, f.Header())
	l.AppendShared(&c.loop.sends, f)
	c.boundPending(q)
	c.rememberIfShared(f, payload)
	if isClient {
		f.Release()
	}
}

// rememberIfShared notes that a frame was sent, if later messages may refer to it. mu is held.
func (c *sending) rememberIfShared(f *sendq.Frame, payload []byte) {
	if f.Header().RSV1 && c.agreement().takeover() {
		c.rememberShared(payload)
	}
}

// rememberShared notes that a message was sent that was compressed alone, for many. A
// connection without a context needs none for it: later messages need not refer to this one.
// mu is held.
func (c *sending) rememberShared(payload []byte) {
	if c.settled() && (c.extras == nil || c.extras.contexts == nil || c.extras.contexts.out.buf == nil) {
		return
	}
	c.remember(payload)
}
