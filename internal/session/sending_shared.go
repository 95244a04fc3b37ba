package session

import "github.com/framerail/framerail/internal/session/sendq"

// sendShared queues a frame that other connections may hold too, as sendMessageLocked queues
// a copy. payload is what the peer will have read. mu is held.
func (c *sending) sendShared(f *sendq.Frame, payload []byte, key string) error {
	if c.State() != Open {
		return ErrClosed
	}
	n := f.Len()
	if c.overflow != OverflowLatest {
		key = ""
	}
	if key != "" {
		n += sendq.KeyCost
	}
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
	if f.Header().RSV1 && c.agreement().takeover() {
		c.rememberShared(payload)
	}
	return nil
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
