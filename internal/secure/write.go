package secure

import (
	"net"

	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/guard"
	"github.com/framerail/framerail/internal/transport"
)

const (
	// sealAtOnce is how many bytes are sealed before they are written below: a record of
	// the largest size (RFC 8446 5.1). Up to that much is kept as records for a peer that
	// does not read. Records cannot be dropped any more.
	sealAtOnce = 16 << 10
	// overhead is an upper bound for the bytes that a record adds to its content: header,
	// explicit nonce or IV, MAC or tag, padding.
	overhead = 5 + 16 + 48 + 16
	// sealDirect is a size that crypto/tls always puts into one record. It begins a
	// connection with records of one packet, 1,208 bytes. A shorter record is written to
	// the socket without gathering.
	sealDirect = 1208 - overhead
)

// Write implements transport.Transport. It seals the bytes, and they count as taken.
func (t *Transport) Write(bufs [][]byte) (n int, err error) {
	if t.plain {
		return t.below.Write(bufs)
	}
	if held, err := t.goOn(); held || err != nil {
		return 0, wouldBlock(err)
	}
	src := source{bufs: bufs}
	for {
		chunk, scratch := src.next(t.pool)
		if len(chunk) == 0 {
			return n, nil
		}
		held, err := t.seal(chunk)
		if scratch != nil {
			scratch.Release()
		}
		if err != nil {
			return n, err
		}
		n += len(chunk)
		if held {
			return n, transport.ErrWouldBlock
		}
	}
}

func wouldBlock(err error) error {
	if err == nil {
		return transport.ErrWouldBlock
	}
	return err
}

// goOn writes records that wait, and reports whether there are more.
func (t *Transport) goOn() (held bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.flush()
	t.unreported.Store(false) // this Write reports it
	return t.out != nil, t.err
}

// seal makes records of b and writes them. It reports whether some must wait.
func (t *Transport) seal(b []byte) (held bool, err error) {
	if len(b) > sealDirect {
		t.mu.Lock()
		t.gather = true
		t.mu.Unlock()
	}
	guard.EnterTLS()
	_, err = t.tls.Write(b)
	guard.LeaveTLS()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.gather {
		t.gather = false
		t.flush()
	}
	t.unreported.Store(false)
	if t.err != nil {
		err = t.err
	}
	return t.out != nil, err
}

// Held implements transport.Holder.
func (t *Transport) Held() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.waiting()
}

// CloseWrite implements transport.Transport: it sends close_notify and ends the direction.
func (t *Transport) CloseWrite() error {
	if t.plain {
		return t.below.CloseWrite()
	}
	guard.EnterTLS()
	_ = t.tls.CloseWrite() // fails if an alert was sent, which says more
	guard.LeaveTLS()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ending = true
	t.flush()
	if t.out != nil {
		return transport.ErrWouldBlock
	}
	return t.err
}

// put sends a record, and keeps the part that the transport below does not take. It takes the whole
// record unless the connection is broken, because any error would be final for crypto/tls. mu is
// held.
func (t *Transport) put(b []byte) (int, error) {
	if t.closed {
		return 0, net.ErrClosed
	}
	n := 0
	if t.out == nil && !t.gather {
		n = t.writeBelow(b)
	}
	if t.err != nil {
		return n, t.err
	}
	if n < len(b) {
		t.keep(b[n:])
		t.unreported.Store(true)
	}
	return len(b), nil
}

// waiting returns how many bytes of records wait. mu is held.
func (o *outbound) waiting() int {
	if o.out == nil {
		return 0
	}
	return len(o.out.B) - o.sent
}

// drop releases the buffer of records that wait, if there is one. mu is held.
func (o *outbound) drop() {
	if o.out != nil {
		o.out.Release()
		o.out, o.sent = nil, 0
	}
}

// keep appends b to the records that wait. mu is held.
func (t *Transport) keep(b []byte) {
	waiting := t.waiting()
	if t.out == nil || len(t.out.B)+len(b) > cap(t.out.B) {
		size := waiting + len(b)
		if t.gather {
			size = max(size, sealAtOnce+2*overhead)
		}
		next := t.pool.Get(size)
		if t.out != nil {
			next.B = append(next.B, t.out.B[t.sent:]...)
			t.out.Release()
		}
		t.out, t.sent = next, 0
	}
	t.out.B = append(t.out.B, b...)
}

// flush writes the records that wait. mu is held.
func (t *Transport) flush() {
	for t.out != nil && t.err == nil {
		n := t.writeBelow(t.out.B[t.sent:])
		t.sent += n
		if t.sent == len(t.out.B) {
			t.drop()
		} else if t.err == nil {
			break
		}
	}
	if t.ending && !t.ended && t.out == nil && t.err == nil {
		t.ended = true
		t.err = t.below.CloseWrite()
	}
}

// writeBelow writes to the transport below, and notes a final error. mu is held.
func (t *Transport) writeBelow(b []byte) int {
	t.vec[0] = b
	n, err := t.below.Write(t.vec[:])
	t.vec[0] = nil
	if err != nil && err != transport.ErrWouldBlock {
		t.err = err
	}
	return n
}

// source returns the content of buffers in pieces of at most sealAtOnce bytes.
type source struct {
	bufs [][]byte
	off  int // bytes of the first one that are done
}

// next is the next piece, empty at the end. Short buffers share a piece, which is then in scratch
// and must be given back. Any other piece is a part of a buffer.
func (s *source) next(pool *buffer.Pool) (piece []byte, scratch *buffer.Buffer) {
	for len(s.bufs) > 0 && s.off == len(s.bufs[0]) {
		s.bufs, s.off = s.bufs[1:], 0
	}
	if len(s.bufs) == 0 {
		return nil, nil
	}
	first := s.bufs[0][s.off:]
	if len(first) >= sealAtOnce || len(s.bufs) == 1 {
		piece = first[:min(len(first), sealAtOnce)]
		s.off += len(piece)
		return piece, nil
	}
	rest := 0
	for _, b := range s.bufs[1:] {
		rest += len(b)
	}
	scratch = pool.Get(min(len(first)+rest, sealAtOnce))
	for room := sealAtOnce; room > 0 && len(s.bufs) > 0; {
		b := s.bufs[0][s.off:]
		b = b[:min(len(b), room)]
		scratch.B = append(scratch.B, b...)
		room -= len(b)
		if s.off += len(b); s.off == len(s.bufs[0]) {
			s.bufs, s.off = s.bufs[1:], 0
		}
	}
	return scratch.B, scratch
}
