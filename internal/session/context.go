package session

import (
	"github.com/framerail/framerail/frame/deflate"
	"github.com/framerail/framerail/internal/buffer"
)

// context is the end of what one direction has said, in a pooled buffer that grows
// with it up to the agreed window.
type context struct {
	window deflate.Window
	buf    *buffer.Buffer // the window's; nil while that is empty
}

// add adds what was said.
func (x *context) add(pool *buffer.Pool, p []byte, windowBits int) {
	if n := x.window.Lack(len(p), windowBits); n > 0 {
		next := pool.Get(n)
		x.window.Use(next.B[:n])
		x.release()
		x.buf = next
	}
	x.window.Add(p)
}

// release gives the buffer back, whatever is in it.
func (x *context) release() {
	if x.buf != nil {
		x.buf.Release()
		x.buf = nil
	}
}

// forget empties the context.
func (x *context) forget() {
	x.window.Use(nil)
	x.release()
}

// size is what it takes, in bytes.
func (x *context) size() int {
	if x.buf == nil {
		return 0
	}
	return cap(x.buf.B)
}

// contexts are those that a connection takes over from message to message (RFC 7692
// 7.1.1). A connection has them once it was sent, or has sent, a compressed message.
type contexts struct {
	in  context // owned by the loop
	out context // guarded by mu, with stale
	// stale says that a message was compressed alone whose place is behind those that
	// still add to out: once it has its place, out must be forgotten.
	stale bool
}
