//go:build (amd64 || arm64) && !purego && !asan && !msan

package mask

import (
	"unsafe"

	"github.com/framerail/framerail/internal/race"
)

// xorVector stores the n bytes at src, masked with key, at dst, and tells whether these are
// ASCII. n is at least 64. dst is src, or the two do not overlap.
//
//go:noescape
func xorVector(dst, src *byte, n int, key uint32) (ascii bool)

// xorLong is XORASCII for vectorMinASCII bytes and more.
func xorLong(b []byte, k Key) (ascii bool) {
	race.Write(b)
	return xorVector(&b[0], &b[0], len(b), uint32(k))
}

// copyLong is Copy for vectorMin bytes and more, as many in dst as in src. It does nothing
// and returns false if they overlap.
func copyLong(dst, src []byte, k Key) bool {
	// The distance is below the length, one way round or the other.
	ahead := uintptr(unsafe.Pointer(&dst[0])) - uintptr(unsafe.Pointer(&src[0]))
	if n := uintptr(len(src)); ahead < n || -ahead < n {
		return false
	}
	race.Read(src)
	race.Write(dst)
	xorVector(&dst[0], &src[0], len(src), uint32(k))
	return true
}
