package secure

import (
	"github.com/framerail/framerail/internal/buffer"
)

// A handshake has a goroutine from its beginning. So it begins only when the client's first record
// has arrived, which most often is the whole ClientHello. A client that sends the record a byte at a
// time, or never all of it, costs only the bytes that have arrived.

// Sizes of a record (RFC 8446 5.1, RFC 5246 6.2.3).
const (
	alertRecord     = 21
	handshakeRecord = 22
	// maxRecord is the longest record that any version of TLS allows.
	maxRecord = 16<<10 + 2048
	// firstOdd is the lowest version number that no ClientHello of TLS has in its record.
	firstOdd = 0x1000
)

// LongestHello is the longest first record in bytes.
const LongestHello = headerLen + maxRecord

// hello holds a client's bytes until crypto/tls reads them.
type hello struct {
	buf  *buffer.Buffer // nil for nothing
	read int            // bytes of it that crypto/tls has
}

// ReadHello reads a part of the client's first record into scratch. Give the bytes to TakeHello,
// unless the connection ends. ReadHello and the next four methods are for the loop, before
// Begin.
func (t *Transport) ReadHello(scratch []byte) (int, error) {
	return t.below.Read(scratch[:min(len(scratch), LongestHello)])
}

// TakeHello keeps bytes of the client's first record.
func (t *Transport) TakeHello(b []byte) { t.hello.add(t.pool, b) }

// HelloLen is how many bytes are kept.
func (in *inbound) HelloLen() int {
	if in.hello.buf == nil {
		return 0
	}
	return len(in.hello.buf.B)
}

// HelloLent is how many bytes the buffer has in which they are kept.
func (in *inbound) HelloLent() int { return in.hello.lent() }

// Heard reports whether the handshake may begin: crypto/tls has all that it needs to go on, or to
// refuse.
func (in *inbound) Heard() bool { return in.hello.buf != nil && wholeHello(in.hello.buf.B) }

func (h *hello) add(pool *buffer.Pool, b []byte) {
	switch {
	case h.buf == nil:
		h.buf = pool.Get(len(b))
	case len(h.buf.B)+len(b) > cap(h.buf.B):
		next := pool.Get(len(h.buf.B) + len(b))
		next.B = append(next.B, h.buf.B...)
		h.buf.Release()
		h.buf = next
	}
	h.buf.B = append(h.buf.B, b...)
}

// take moves kept bytes to p.
func (h *hello) take(p []byte) (n int) {
	n = copy(p, h.buf.B[h.read:])
	if h.read += n; h.read == len(h.buf.B) {
		h.release()
	}
	return n
}

func (h *hello) lent() int {
	if h.buf == nil {
		return 0
	}
	return cap(h.buf.B)
}

func (h *hello) release() {
	if h.buf != nil {
		h.buf.Release()
		*h = hello{}
	}
}

// wholeHello reports whether b has the whole first record, or a beginning that crypto/tls refuses
// without the rest.
func wholeHello(b []byte) bool {
	if len(b) < headerLen {
		return false
	}
	version, length := int(b[1])<<8|int(b[2]), int(b[3])<<8|int(b[4])
	switch {
	case b[0] != handshakeRecord && b[0] != alertRecord, version >= firstOdd, length > maxRecord:
		return true
	default:
		return len(b) >= headerLen+length
	}
}

// readBelow returns the kept bytes first, and then reads from below.
func (t *Transport) readBelow(p []byte) (int, error) {
	if t.hello.buf != nil {
		return t.hello.take(p), nil
	}
	return t.below.Read(p)
}
