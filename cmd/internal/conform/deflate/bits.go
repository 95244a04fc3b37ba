package deflate

import "encoding/binary"

// bitReader reads a message bit by bit, the last bit of each byte first: RFC 1951 3.1.1.
type bitReader struct {
	in   []byte // the message with its tail
	pos  int    // of it, what is in bits
	bits uint64 // the next n bits, the first of them lowest
	n    uint
}

// left is how many bits have not been used.
func (r *bitReader) left() int { return int(r.n) + 8*(len(r.in)-r.pos) }

// fill has at least 48 bits in bits, or all that there are.
func (r *bitReader) fill() {
	if len(r.in)-r.pos >= 8 {
		r.bits |= binary.LittleEndian.Uint64(r.in[r.pos:]) << r.n
		took := (63 - r.n) / 8
		r.pos += int(took)
		r.n += took * 8
		r.bits &= 1<<r.n - 1
		return
	}
	for r.n <= 48 && r.pos < len(r.in) {
		r.bits |= uint64(r.in[r.pos]) << r.n
		r.pos++
		r.n += 8
	}
}

// take returns the next n bits, at most 16.
func (r *bitReader) take(n uint) (uint32, error) {
	if r.n < n {
		if r.fill(); r.n < n {
			return 0, errTruncated
		}
	}
	v := uint32(r.bits & (1<<n - 1))
	r.bits >>= n
	r.n -= n
	return v, nil
}

// align goes on to the next byte.
func (r *bitReader) align() {
	r.bits >>= r.n % 8
	r.n -= r.n % 8
}

// symbol returns the next symbol of a code.
func (r *bitReader) symbol(h *huffman) (int, error) {
	if r.n < maxCodeBits {
		r.fill()
	}
	if e := h.fast[r.bits&(1<<fastBits-1)]; e != 0 {
		n := uint(e & 15)
		if n > r.n {
			return 0, errTruncated
		}
		r.bits >>= n
		r.n -= n
		return int(e >> 4), nil
	}
	code, first, index := 0, 0, 0
	for n := uint(1); n <= maxCodeBits; n++ {
		if n > r.n {
			return 0, errTruncated
		}
		code |= int(r.bits>>(n-1)) & 1
		count := int(h.counts[n])
		if code-first < count {
			r.bits >>= n
			r.n -= n
			return int(h.symbols[index+code-first]), nil
		}
		index += count
		first = (first + count) << 1
		code <<= 1
	}
	return 0, errSymbol
}

// valueOf is a length or a distance: the least that its code stands for and what
// the extra bits add.
func (r *bitReader) valueOf(c extraCode) (int, error) {
	if c.extra == 0 {
		return c.least, nil
	}
	more, err := r.take(c.extra)
	return c.least + int(more), err
}
