package deflate

import (
	"errors"
	"math/bits"
)

// RFC 1951 3.2.7: codes have at most 15 bits.
const maxCodeBits = 15

// Codes of up to fastBits are found by one look into a table, the others, which
// are rare, bit by bit.
const fastBits = 10

// huffman is a canonical Huffman code: RFC 1951 3.2.2.
type huffman struct {
	// fast[next bits] is symbol<<4 | length, or 0 if there is no such short code.
	fast [1 << fastBits]uint16

	counts  [maxCodeBits + 1]uint16 // codes of each length
	symbols [288]uint16             // in the order of their codes
}

var (
	errOverSubscribed = errors.New("a Huffman code with more codes than bits allow (RFC 1951 3.2.2)")
	errIncomplete     = errors.New("a Huffman code in which some sequences of bits mean nothing (RFC 1951 3.2.2)")
)

// build makes h the code in which symbol i has lengths[i] bits, or is not there if
// that is 0.
func (h *huffman) build(lengths []uint8) error {
	*h = huffman{}
	codes := 0
	for _, n := range lengths {
		if n != 0 {
			h.counts[n]++
			codes++
		}
	}

	// A code of one symbol may leave its other bit unused (RFC 1951 3.2.7), and one of
	// none is that of a block without matches.
	var next, index [maxCodeBits + 2]uint16
	left := 1
	for n := 1; n <= maxCodeBits; n++ {
		left = left<<1 - int(h.counts[n])
		if left < 0 {
			return errOverSubscribed
		}
		next[n+1] = (next[n] + h.counts[n]) << 1
		index[n+1] = index[n] + h.counts[n]
	}
	if left > 0 && codes > 1 || codes == 1 && h.counts[1] != 1 {
		return errIncomplete
	}

	for symbol, n := range lengths {
		if n == 0 {
			continue
		}
		code := next[n]
		next[n]++
		h.symbols[index[n]] = uint16(symbol)
		index[n]++
		if n > fastBits {
			continue
		}
		// Codes come first bit first, all else last bit first.
		from := bits.Reverse16(code) >> (16 - n)
		for i := int(from); i < len(h.fast); i += 1 << n {
			h.fast[i] = uint16(symbol)<<4 | uint16(n)
		}
	}
	return nil
}
