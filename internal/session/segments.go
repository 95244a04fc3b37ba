package session

import (
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/mask"
)

// segments is a run of bytes in pooled buffers.
type segments struct {
	bufs  []*buffer.Buffer
	own   *buffer.Buffer // taken first, if there is one: no pool is asked
	off   int            // bytes of bufs[0] that are gone
	bytes int
	gone  int64 // bytes that have left it so far
}

const (
	segmentSize = 64 << 10 // the largest buffer taken for frames
	maxIovecs   = 64       // buffers given to the transport at once
)

// append copies p, masked with the key, behind what is there.
func (s *segments) append(pool *buffer.Pool, p []byte, key mask.Key) {
	s.bytes += len(p)
	for len(p) > 0 {
		tail := s.tail(pool, len(p))
		n := min(cap(tail.B)-len(tail.B), len(p))
		at := len(tail.B)
		tail.B = append(tail.B, p[:n]...)
		if key != 0 {
			mask.XOR(tail.B[at:], key)
			key = key.Rotate(n)
		}
		p = p[n:]
	}
}

// appendFrame appends a frame, masked with the key.
func (s *segments) appendFrame(pool *buffer.Pool, h frame.Header, payload []byte) {
	room := frame.MaxHeaderLen + len(payload)
	if room <= segmentSize {
		if tail := s.tail(pool, room); cap(tail.B)-len(tail.B) >= room {
			before := len(tail.B)
			tail.B = frame.AppendHeader(tail.B, h)
			at := len(tail.B)
			tail.B = append(tail.B, payload...)
			if h.Masked {
				mask.XOR(tail.B[at:], h.MaskingKey)
			}
			s.bytes += len(tail.B) - before
			return
		}
	}
	var head [frame.MaxHeaderLen]byte
	s.append(pool, frame.AppendHeader(head[:0], h), 0)
	s.append(pool, payload, h.MaskingKey)
}

// tail is the last buffer, with room in it. Buffers double from one to the next, so
// that a single short frame takes little and a long queue few.
func (s *segments) tail(pool *buffer.Pool, n int) *buffer.Buffer {
	if len(s.bufs) > 0 {
		last := s.bufs[len(s.bufs)-1]
		if len(last.B) < cap(last.B) {
			return last
		}
		n = max(n, 2*cap(last.B))
	}
	b := s.own
	if b == nil || len(s.bufs) > 0 {
		b = pool.Get(min(n, segmentSize))
	}
	s.bufs = append(s.bufs, b)
	return b
}

// vec appends the bytes, as buffers, to iov; not more than fit in one call.
func (s *segments) vec(iov [][]byte) [][]byte {
	off := s.off
	for _, b := range s.bufs[:min(len(s.bufs), maxIovecs)] {
		iov = append(iov, b.B[off:])
		off = 0
	}
	return iov
}

// consume drops the first n bytes.
func (s *segments) consume(n int) {
	s.bytes -= n
	s.gone += int64(n)
	if s.bytes == 0 { // all of them, as mostly
		for i, b := range s.bufs {
			b.Release()
			s.bufs[i] = nil
		}
		s.bufs, s.off = s.bufs[:0], 0
		return
	}
	done := 0
	for ; done < len(s.bufs); done++ {
		b := s.bufs[done]
		left := len(b.B) - s.off
		if n < left {
			s.off += n
			break
		}
		n -= left
		s.off = 0
		b.Release()
		s.bufs[done] = nil
	}
	s.bufs = append(s.bufs[:0], s.bufs[done:]...)
}

// move appends all of o, which is empty then.
func (s *segments) move(o *segments) {
	s.bufs = append(s.bufs, o.bufs...)
	s.bytes += o.bytes
	clear(o.bufs)
	o.bufs, o.bytes = o.bufs[:0], 0
}
