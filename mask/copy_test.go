package mask

import (
	"bytes"
	"testing"

	"github.com/framerail/framerail/internal/test/allocs"
)

// Each length, and each pair of alignments that can make a difference. The bytes around the
// copy must stay, and those copied too.
func TestCopyAsByteLoop(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		const room = 32 + 300 + 32
		src, dst, want := make([]byte, room), make([]byte, room), make([]byte, room)
		for i := range src {
			src[i] = byte(i*7 + i>>3)
		}
		plain := bytes.Clone(src)
		for length := range 301 {
			for align := range 32 {
				for _, from := range []int{0, 1, align} {
					clear(dst)
					clear(want)
					copy(want[align:], src[from:from+length])
					oracle(want[align:align+length], testKey, length)
					n := Copy(dst[align:align+length], src[from:from+length], KeyFromBytes(testKey).Rotate(length))
					if n != length || !bytes.Equal(dst, want) || !bytes.Equal(src, plain) {
						t.Fatalf("length %d, to alignment %d from %d: %d bytes, differs from the byte loop", length, align, from, n)
					}
				}
			}
		}
	})
}

func TestCopy_OfLongPayloads(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		for _, length := range []int{1023, 1024, 1025, 4096 + 7, 64<<10 + 3, 1<<20 - 1} {
			for align := range 33 {
				src := bytes.Repeat([]byte("framerail"), length/9+1)[:length]
				want, dst := bytes.Clone(src), make([]byte, align+length)
				oracle(want, testKey, 0)
				Copy(dst[align:], src, KeyFromBytes(testKey))
				if !bytes.Equal(dst[align:], want) {
					t.Fatalf("length %d, alignment %d: differs from the byte loop", length, align)
				}
			}
		}
	})
}

func TestCopy_TakesTheShorterLength(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		for _, c := range [][3]int{{0, 5, 0}, {5, 0, 0}, {5, 7, 5}, {7, 5, 5}, {500, 300, 300}, {300, 500, 300}} {
			dst, src := make([]byte, c[0]), make([]byte, c[1])
			n := Copy(dst, src, 0x01010101)
			if n != c[2] || bytes.Count(dst, []byte{1}) != n || bytes.Count(src, []byte{0}) != len(src) {
				t.Errorf("%d bytes from %d: %d were copied, want %d", c[0], c[1], n, c[2])
			}
		}
	})
}

// The slices overlap by every distance, forwards and backwards.
func TestCopy_OfSlicesThatOverlap(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		const length, most = 200, 210
		plain := make([]byte, most+length+most)
		for i := range plain {
			plain[i] = byte(i * 5)
		}
		for distance := -most; distance <= most; distance++ {
			b, want := bytes.Clone(plain), bytes.Clone(plain)
			to := most + distance
			copy(want[to:], plain[most:most+length])
			oracle(want[to:to+length], testKey, 0)
			Copy(b[to:to+length], b[most:most+length], KeyFromBytes(testKey))
			if !bytes.Equal(b, want) {
				t.Fatalf("%d bytes further on: differs from the byte loop", distance)
			}
		}
	})
}

func TestCopyAllocatesNothing(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		dst, src := make([]byte, 300), make([]byte, 300)
		if n := allocs.PerRun(10, func() { Copy(dst, src, 7) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}
