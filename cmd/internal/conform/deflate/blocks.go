package deflate

import "math/bits"

// Blocks writes DEFLATE blocks by hand. The zero value is an empty stream. None of
// its methods checks anything.
type Blocks struct {
	out  []byte
	bits uint64
	n    uint
}

// Bytes is what has been written, with zeros up to a whole byte.
func (b *Blocks) Bytes() []byte {
	out := append([]byte(nil), b.out...)
	if b.n > 0 {
		out = append(out, byte(b.bits))
	}
	return out
}

// Message is what has been written as a message's payload: with an empty stored
// block at its end, that has lost its last four bytes (RFC 7692 7.2.1).
func (b *Blocks) Message() []byte {
	ended := *b
	ended.out = append([]byte(nil), b.out...)
	ended.Put(0, 3)
	return ended.Bytes()
}

// Put writes n bits, the last one first.
func (b *Blocks) Put(v uint64, n uint) *Blocks {
	b.bits |= v << b.n
	b.n += n
	for b.n >= 8 {
		b.out = append(b.out, byte(b.bits))
		b.bits >>= 8
		b.n -= 8
	}
	return b
}

// Align goes on to the next byte.
func (b *Blocks) Align() *Blocks {
	if b.n > 0 {
		b.Put(0, 8-b.n)
	}
	return b
}

// Stored writes a stored block: RFC 1951 3.2.4. It holds at most 65,535 bytes.
func (b *Blocks) Stored(final bool, data []byte) *Blocks {
	b.header(final, 0).Align()
	b.Put(uint64(len(data)), 16).Put(uint64(^uint16(len(data))), 16)
	b.out = append(b.out, data...)
	return b
}

// Fixed begins a block with the fixed codes: RFC 1951 3.2.6. [Blocks.End] ends it.
func (b *Blocks) Fixed(final bool) *Blocks { return b.header(final, 1) }

func (b *Blocks) header(final bool, kind uint64) *Blocks {
	if final {
		b.Put(1, 1)
	} else {
		b.Put(0, 1)
	}
	return b.Put(kind, 2)
}

// Literals writes bytes.
func (b *Blocks) Literals(s string) *Blocks {
	for i := range len(s) {
		b.literal(int(s[i]))
	}
	return b
}

// literal writes a symbol in the fixed code of literals.
func (b *Blocks) literal(symbol int) *Blocks {
	switch {
	case symbol < 144:
		return b.code(0x30+symbol, 8)
	case symbol < 256:
		return b.code(0x190+symbol-144, 9)
	case symbol < 280:
		return b.code(symbol-256, 7)
	}
	return b.code(0xc0+symbol-280, 8)
}

// code writes a Huffman code, which goes first bit first.
func (b *Blocks) code(code int, n uint) *Blocks {
	return b.Put(uint64(bits.Reverse16(uint16(code))>>(16-n)), n)
}

// Match repeats length bytes, 3 to 258, from distance bytes back, 1 to 32,768.
func (b *Blocks) Match(length, distance int) *Blocks {
	i := codeOf(lengthCodes[:], length)
	b.literal(257+i).Put(uint64(length-lengthCodes[i].least), lengthCodes[i].extra)
	i = codeOf(distanceCodes[:], distance)
	return b.code(i, 5).Put(uint64(distance-distanceCodes[i].least), distanceCodes[i].extra)
}

// codeOf is the last code whose least is not above value.
func codeOf(codes []extraCode, value int) int {
	i := len(codes) - 1
	for codes[i].least > value {
		i--
	}
	return i
}

// End ends a block.
func (b *Blocks) End() *Blocks { return b.literal(256) }
