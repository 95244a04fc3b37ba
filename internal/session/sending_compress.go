package session

import (
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/frame/deflate"
	"github.com/framerail/framerail/internal/buffer"
)

// compressLocked is the most bytes that are compressed with the connection locked, for
// which its loop may have to wait: about half a millisecond. A longer message does not
// refer to earlier ones, being longer than any window.
const compressLocked = 64 << 10

// compresses tells whether a message of n bytes is to be compressed.
func (c *sending) compresses(n int) bool {
	return c.agreement().deflate() && n >= c.limits().DeflateThreshold
}

// always tells whether a message is sent compressed although that makes it longer.
func (c *sending) always() bool { return c.limits().DeflateThreshold < 0 }

// compressor is how this connection compresses.
func (c *sending) compressor() deflate.Compressor {
	return deflate.Compressor{Level: c.limits().DeflateLevel, WindowBits: c.agreement().window()}
}

// compress compresses into buf, and notes what that takes.
func (c *sending) compress(buf *buffer.Buffer, p []byte, history *deflate.Window, last bool) []byte {
	how := c.compressor()
	c.compressed(how.Work(len(p), history))
	return how.Append(buf.B, p, history, last)
}

// compressed notes that n bytes' worth was compressed for c, if the loop did it. It did if callbacks run on
// the loop, or if it sends an AutoAnswer. With Adaptive it did if a callback holds the loop and c's inbox is not
// with a worker. From any goroutine.
func (c *sending) compressed(n int) {
	l, f := c.loop, c.flags.Load()
	byLoop := f&flagGoroutines == 0 || l.work.answers.Load() ||
		f&(flagQueued|flagAdaptive) == flagAdaptive && l.Hold() != 0
	if !byLoop {
		return
	}
	l.work.all.Add(int64(n))
	if c.corked.Load() {
		l.work.own.Add(int64(n))
	}
}

// packed is a message on its way to be compressed.
type packed struct {
	buf   *buffer.Buffer // for the caller to release
	b     []byte         // in buf; nil until it is compressed
	alone bool           // it refers to no others
}

// pack compresses a message that refers to no others. For the rest the connection must be
// locked.
func (c *sending) pack(payload []byte) packed {
	p := packed{
		buf:   c.loop.pool.Get(deflate.Bound(len(payload))),
		alone: !c.agreement().takeover() || len(payload) > compressLocked,
	}
	if p.alone {
		p.b = c.compress(p.buf, payload, nil, true)
	}
	return p
}

// sendPacked sends what pack was given. mu is held.
func (c *sending) sendPacked(t MessageType, payload []byte, key string, p packed) error {
	if !p.alone {
		p.b = c.compress(p.buf, payload, c.reference(), true)
	}
	if len(p.b) >= len(payload) && !c.always() {
		return c.sendMessageLocked(frame.Header{Fin: true, Opcode: t}, payload, key)
	}
	err := c.sendMessageLocked(frame.Header{Fin: true, RSV1: true, Opcode: t}, p.b, key)
	if err == nil && c.agreement().takeover() {
		c.remember(payload)
	}
	return err
}

// isFullFor tells whether a message of n bytes will be refused, compressed or not: a peer
// that does not read is not to cost the CPU of what it will not get. mu is held.
func (c *sending) isFullFor(n int) bool {
	q, bound := c.tx, c.limits().MaxPending
	return q != nil && q.blocked && !c.overflow.drops() && n <= bound && !q.fits(c.frameSize(1), bound)
}

// A message can be referred to only if it is sure to reach the peer, and to reach it
// before those that do. One that the overflow policy may drop is not sure to; one that
// waits behind a Writer's message is overtaken by what that still writes. Such a
// message is compressed alone, and what came before it cannot be referred to any
// more by those behind it, since how far back it lies is not known.

// settled tells whether a message that is sent now has its place. mu is held.
func (c *sending) settled() bool {
	return !c.overflow.drops() && (c.tx == nil || c.tx.writer == nil)
}

// reference is what a message that is sent now may refer to. mu is held.
func (c *sending) reference() *deflate.Window {
	if c.extras == nil || c.extras.contexts == nil || !c.settled() {
		return nil
	}
	return &c.extras.contexts.out.window
}

// remember notes that a message was sent compressed. mu is held.
func (c *sending) remember(payload []byte) {
	switch {
	case c.settled():
		c.contexts().out.add(&c.loop.pool, payload, c.agreement().window())
	case c.tx != nil && c.tx.writer != nil:
		c.contexts().stale = true
	case c.extras != nil && c.extras.contexts != nil:
		c.extras.contexts.out.forget()
	}
}

// writerEnded notes that a Writer's message is at its end, so that those behind it have
// their place. mu is held.
func (c *sending) writerEnded() {
	if c.extras == nil || c.extras.contexts == nil {
		return
	}
	x := c.extras.contexts
	if x.stale {
		x.out.forget()
		x.stale = false
	}
}
