package secure

import (
	"github.com/framerail/framerail/internal/buffer"
)

// From its beginning on a handshake has a goroutine. The client's first record, which is
// most often all of its ClientHello, is waited for before that: who sends it a byte at a time, or
// never all of it, costs the bytes that have come.

// Of a record (RFC 8446 5.1, RFC 5246 6.2.3).
const (
	alertRecord     = 21
	handshakeRecord = 22
	// maxRecord is the longest that any version of TLS allows.
	maxRecord = 16<<10 + 2048
	// firstOdd is the first version that no ClientHello of TLS has in its record.
	firstOdd = 0x1000
)

// LongestHello is the longest first record in bytes.
const LongestHello = headerLen + maxRecord

// hello is what has come of a client before crypto/tls wants it.
type hello struct {
	buf  *buffer.Buffer // nil for nothing
	read int            // bytes of it that crypto/tls has
}

// ReadHello reads some of the client's first record into scratch, as below reads. They are to
// be given to TakeHello, unless the connection ends. On the loop, before Begin, as the next
// three.
func (t *Transport) ReadHello(scratch []byte) (int, error) {
	return t.below.Read(scratch[:min(len(scratch), LongestHello)])
}

// TakeHello takes in what was read of the client's first record.
func (t *Transport) TakeHello(b []byte) { t.hello.add(t.pool, b) }

// HelloLen is how many bytes were taken in.
func (in *inbound) HelloLen() int {
	if in.hello.buf == nil {
		return 0
	}
	return len(in.hello.buf.B)
}

// Heard tells whether the handshake may begin: nothing is missing for crypto/tls to go on,
// or to refuse it.
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

// take moves bytes to p.
func (h *hello) take(p []byte) (n int) {
	n = copy(p, h.buf.B[h.read:])
	if h.read += n; h.read == len(h.buf.B) {
		h.release()
	}
	return n
}

func (h *hello) release() {
	if h.buf != nil {
		h.buf.Release()
		*h = hello{}
	}
}

// wholeHello tells whether these bytes have all of their first record, or are such that
// crypto/tls does not wait for the rest of it.
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

// readBelow reads what was taken in before, and then from below.
func (t *Transport) readBelow(p []byte) (int, error) {
	if t.hello.buf != nil {
		return t.hello.take(p), nil
	}
	return t.below.Read(p)
}
