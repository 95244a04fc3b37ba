package mask

import (
	"encoding/binary"
	"math/bits"
)

// vectorMinASCII is vectorMin for XORASCII, whose words take longer.
const vectorMinASCII = 64

const (
	asciiHigh   = 0x8080808080808080 // the bit of each byte that ASCII leaves 0
	asciiHigh32 = asciiHigh & (1<<32 - 1)
)

// XORASCII is XOR, and reports whether all of b is ASCII now. An empty b is. This saves a
// second look at most texts, which must be UTF-8. BenchmarkXORASCII shows the gain.
func XORASCII(b []byte, k Key) (ascii bool) {
	if len(b) < 8 {
		return xorShortASCII(b, k)
	}
	if len(b) >= vectorMinASCII && vector {
		return xorLong(b, k)
	}

	// As in XOR, with or for the bits of all words.
	key := uint64(k)<<32 | uint64(k)
	end := b[len(b)-8:]
	last := binary.LittleEndian.Uint64(end) ^ bits.RotateLeft64(key, -8*(len(b)&3))
	or := last
	for len(b) > 32 {
		w := b[:32:32]
		w0 := binary.LittleEndian.Uint64(w[0:8]) ^ key
		w1 := binary.LittleEndian.Uint64(w[8:16]) ^ key
		w2 := binary.LittleEndian.Uint64(w[16:24]) ^ key
		w3 := binary.LittleEndian.Uint64(w[24:32]) ^ key
		binary.LittleEndian.PutUint64(w[0:8], w0)
		binary.LittleEndian.PutUint64(w[8:16], w1)
		binary.LittleEndian.PutUint64(w[16:24], w2)
		binary.LittleEndian.PutUint64(w[24:32], w3)
		or |= w0 | w1 | w2 | w3
		b = b[32:]
	}
	for len(b) > 8 {
		w := binary.LittleEndian.Uint64(b) ^ key
		binary.LittleEndian.PutUint64(b, w)
		or |= w
		b = b[8:]
	}
	binary.LittleEndian.PutUint64(end, last)
	return or&asciiHigh == 0
}

// xorShortASCII is XORASCII for 0 to 7 bytes.
func xorShortASCII(b []byte, k Key) (ascii bool) {
	if len(b) >= 4 {
		end := b[len(b)-4:]
		last := binary.LittleEndian.Uint32(end) ^ uint32(k.Rotate(len(b)))
		first := binary.LittleEndian.Uint32(b) ^ uint32(k)
		binary.LittleEndian.PutUint32(b, first)
		binary.LittleEndian.PutUint32(end, last)
		return (first|last)&asciiHigh32 == 0
	}
	var or byte
	for i := range b {
		b[i] ^= byte(k)
		or |= b[i]
		k = k.Rotate(1)
	}
	return or < 0x80
}
