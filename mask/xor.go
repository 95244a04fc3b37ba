package mask

import (
	"encoding/binary"
	"math/bits"
)

// vectorMin is how many bytes a payload has at least for vectors to be used. Below that, the
// call of assembly takes longer than words do: BenchmarkXOR.
const vectorMin = 96

// XOR masks or unmasks b in place with k: b[0] meets the key's first byte. To
// continue a payload in pieces, turn the key by the bytes already done:
// XOR(second, k.Rotate(len(first))). Only b's own bytes are touched, never those
// up to its capacity; b is not kept. RFC 6455 5.3.
func XOR(b []byte, k Key) {
	if len(b) < 8 {
		xorShort(b, k)
		return
	}
	if len(b) >= vectorMin && vector {
		xorLong(b, k)
		return
	}

	// Words are read as little-endian whatever the machine: one MOV where the
	// machine is little-endian too, and right where it is not. BenchmarkXOR shows
	// the gain over bytes. A ladder of cases for 8 to 64 bytes instead of the loops
	// was measured: no faster by more than noise.
	key := uint64(k)<<32 | uint64(k)

	// The last word overlaps the one before it, unless the length is a multiple
	// of eight. It is read before the others change and written after them, so
	// that no loop is needed for the odd bytes at the end.
	end := b[len(b)-8:]
	last := binary.LittleEndian.Uint64(end) ^ bits.RotateLeft64(key, -8*(len(b)&3))

	// ">" and not ">=": slices that are never empty need no check against
	// pointing past their array, and the last word is done anyway.
	for len(b) > 32 {
		w := b[:32:32]
		binary.LittleEndian.PutUint64(w[0:8], binary.LittleEndian.Uint64(w[0:8])^key)
		binary.LittleEndian.PutUint64(w[8:16], binary.LittleEndian.Uint64(w[8:16])^key)
		binary.LittleEndian.PutUint64(w[16:24], binary.LittleEndian.Uint64(w[16:24])^key)
		binary.LittleEndian.PutUint64(w[24:32], binary.LittleEndian.Uint64(w[24:32])^key)
		b = b[32:]
	}
	for len(b) > 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^key)
		b = b[8:]
	}
	binary.LittleEndian.PutUint64(end, last)
}

// xorShort is XOR for 0 to 7 bytes.
func xorShort(b []byte, k Key) {
	if len(b) >= 4 {
		end := b[len(b)-4:]
		last := binary.LittleEndian.Uint32(end) ^ uint32(k.Rotate(len(b)))
		binary.LittleEndian.PutUint32(b, binary.LittleEndian.Uint32(b)^uint32(k))
		binary.LittleEndian.PutUint32(end, last)
		return
	}
	for i := range b {
		b[i] ^= byte(k)
		k = k.Rotate(1)
	}
}
