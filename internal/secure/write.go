package secure

import (
	"net"

	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/transport"
)

const (
	// sealAtOnce is how many bytes are sealed before they are written below: a record
	// of the largest size (RFC 8446 5.1). What a peer does not read is kept as records,
	// which cannot be dropped any more, up to that much.
	sealAtOnce = 16 << 10
	// overhead is more than a record adds to its content: header, explicit nonce or IV,
	// MAC or tag, padding.
	overhead = 5 + 16 + 48 + 16
	// sealDirect is how many bytes crypto/tls puts into one record whatever it knows of
	// the connection: below that the record goes from its hands to the socket. It
	// begins with records of one packet, 1,208 bytes.
	sealDirect = 1208 - overhead
)

// Write implements conn.Transport: what it is given is sealed, and counts as taken.
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

// goOn writes records that wait, and tells whether there are more.
func (t *Transport) goOn() (held bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.flush()
	t.unreported.Store(false) // the caller learns of it
	return t.out != nil, t.err
}

// seal makes records of b and writes them; it tells whether some must wait.
func (t *Transport) seal(b []byte) (held bool, err error) {
	if len(b) > sealDirect {
		t.mu.Lock()
		t.gather = true
		t.mu.Unlock()
	}
	_, err = t.tls.Write(b)
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

// Held implements conn.Holder.
func (t *Transport) Held() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.waiting()
}

// CloseWrite implements conn.Transport: it says close_notify and ends the direction.
func (t *Transport) CloseWrite() error {
	if t.plain {
		return t.below.CloseWrite()
	}
	_ = t.tls.CloseWrite() // fails if an alert was sent, which says more
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ending = true
	t.flush()
	if t.out != nil {
		return transport.ErrWouldBlock
	}
	return t.err
}

// put sends a record, or keeps what below does not take of it. It takes all of it
// unless the connection is broken: for crypto/tls an error would be for good. mu is
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

// keep puts b behind what waits. mu is held.
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

// flush writes what waits. mu is held.
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

// writeBelow writes to what is below, and notes an error that is for good. mu is held.
func (t *Transport) writeBelow(b []byte) int {
	t.vec[0] = b
	n, err := t.below.Write(t.vec[:])
	t.vec[0] = nil
	if err != nil && err != transport.ErrWouldBlock {
		t.err = err
	}
	return n
}

// source gives the content of buffers in pieces of at most sealAtOnce bytes.
type source struct {
	bufs [][]byte
	off  int // bytes of the first one that are done
}

// next is the next piece, empty at the end. Short buffers share a piece, which is then
// in scratch, to be given back. Otherwise it is a part of a buffer.
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
