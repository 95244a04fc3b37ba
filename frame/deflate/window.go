package deflate

import "math/bits"

// Window is the end of what one direction's compressed messages said: the bytes
// to which the next one may refer (RFC 7692 7.1.1). The zero value is empty.
// Messages that are sent plain do not pass through it.
//
// It has no memory of its own: [Window.Lack] tells how much it wants and
// [Window.Use] gives it, so that pooled buffers can be used, and so that a short
// conversation takes little. It is for one goroutine at a time.
type Window struct {
	buf  []byte // a ring: the oldest byte is at next once it is full
	next int
	n    int // bytes held
}

// minWindow is the least buffer that is asked for, in bytes.
const minWindow = 256

// Len is how many bytes it holds.
func (w *Window) Len() int { return w.n }

// Lack is how large a buffer, in bytes, should be given to Use before n more bytes
// are added, windowBits being those agreed on; 0 if the one there is will do.
func (w *Window) Lack(n, windowBits int) int {
	most := 1 << windowBits
	if len(w.buf) >= most || len(w.buf) >= w.n+n {
		return 0
	}
	return min(most, max(minWindow, 1<<bits.Len(uint(w.n+n-1))))
}

// Use moves what is held to buf, which belongs to the Window from then on, with
// all of its length; it is no shorter than what is held. What it used before is
// the caller's again. Use(nil) empties it.
func (w *Window) Use(buf []byte) {
	if len(buf) == 0 {
		*w = Window{}
		return
	}
	held := w.Append(buf[:0])
	*w = Window{buf: buf, n: len(held), next: len(held) % len(buf)}
}

// Add adds p behind what is held, of which the oldest bytes go as far as room is
// needed. p is copied.
func (w *Window) Add(p []byte) {
	size := len(w.buf)
	if size == 0 {
		return
	}
	if len(p) >= size {
		copy(w.buf, p[len(p)-size:])
		w.next, w.n = 0, size
		return
	}
	m := copy(w.buf[w.next:], p)
	if m < len(p) {
		copy(w.buf, p[m:])
	}
	w.next += len(p)
	if w.next >= size {
		w.next -= size
	}
	w.n = min(w.n+len(p), size)
}

// append appends what is held, oldest first, to dst and returns the longer slice.
func (w *Window) Append(dst []byte) []byte {
	if w.n < len(w.buf) {
		return append(dst, w.buf[:w.n]...)
	}
	dst = append(dst, w.buf[w.next:]...)
	return append(dst, w.buf[:w.next]...)
}

// copyFrom copies to dst the bytes that begin back bytes before the end, at most
// as far as the end, and returns how many. 0 < back <= w.n.
func (w *Window) copyFrom(dst []byte, back int) int {
	at := w.next - back
	if at >= 0 {
		return copy(dst, w.buf[at:w.next])
	}
	n := copy(dst, w.buf[at+len(w.buf):])
	if n < len(dst) {
		n += copy(dst[n:], w.buf[:w.next])
	}
	return n
}
