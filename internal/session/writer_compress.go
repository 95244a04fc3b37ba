package session

import (
	"github.com/framerail/framerail/frame/deflate"
	"github.com/framerail/framerail/internal/buffer"
)

// pack compresses a part of the Writer's message, the last one or not, into a buffer
// that the caller is to release. mu is held, as for all that follows.
func (w *Writer) pack(p []byte, last bool) (packed []byte, buf *buffer.Buffer) {
	buf = w.conn.loop.pool.Get(deflate.Bound(len(p)))
	return w.conn.compress(buf, p, &w.context().window, last), buf
}

// packed notes that it was sent.
func (w *Writer) packed(p []byte) {
	c := w.conn
	w.context().add(&c.loop.pool, p, c.agreement().window())
}

// context is what the next part may refer to: without takeover, the message's own
// earlier ones.
func (w *Writer) context() *context {
	if w.conn.agreement().takeover() {
		return &w.conn.contexts().out
	}
	return &w.own
}
