package mask

import (
	"fmt"
	"testing"

	"github.com/framerail/framerail/internal/test/versus"
)

// row is payloads that lie in a row and start at odd addresses, as after their headers in a
// read buffer. Each is met again only after the others, so that no load waits for the
// store before it.
func row(size int) [][]byte {
	in := make([][]byte, max(1, min(32, 1<<20/(size+1))))
	buf := make([]byte, len(in)*(6+size))
	for i := range in {
		in[i] = buf[i*(6+size)+6:][:size]
	}
	return in
}

// each is a way to do something to the payloads of a row, one after the other.
// It is not inlined, so that all ways are called alike.
//
//go:noinline
func each(name string, in [][]byte, do func(b []byte)) versus.Way {
	at := 0
	return versus.Way{Name: name, Run: func(times int) {
		for range times {
			do(in[at])
			if at++; at == len(in) {
				at = 0
			}
		}
	}}
}

// words is each, without vectors.
func words(in [][]byte, do func(b []byte)) versus.Way {
	way := each("words", in, do)
	return versus.Way{Name: way.Name, Run: func(times int) {
		setVector(false)
		way.Run(times)
		setVector(hasVector)
	}}
}

// BenchmarkXOR shows what vectors gain over words, and XOR over the RFC's byte loop. It also
// compares XOR with copy to another buffer.
func BenchmarkXOR(b *testing.B) {
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	k := KeyFromBytes(key)
	for _, size := range []int{1, 20, 125, 1 << 10, 16 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			in, out := row(size), make([]byte, size)
			do := func(b []byte) { XOR(b, k) }
			versus.Run(b, size, each("", in, do), words(in, do),
				each("bytes", in, func(b []byte) { oracle(b, key, 0) }),
				each("copy", in, func(b []byte) { copy(out, b) }))
		})
	}
}

// BenchmarkXORASCII shows what one pass gains over XOR and a look at each byte behind it,
// which only reads.
func BenchmarkXORASCII(b *testing.B) {
	for _, size := range []int{20, 16 << 10} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			in := row(size)
			do := func(b []byte) { XORASCII(b, 1) }
			versus.Run(b, size, each("", in, do), words(in, do),
				each("XOR", in, func(b []byte) { XOR(b, 1) }))
		})
	}
}

// BenchmarkCopy shows what one pass gains over copy and XOR.
func BenchmarkCopy(b *testing.B) {
	for _, size := range []int{20, 16 << 10} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			in, out := row(size), make([]byte, size)
			versus.Run(b, size, each("", in, func(b []byte) { Copy(out, b, 1) }),
				each("copy+XOR", in, func(b []byte) { copy(out, b); XOR(out, 1) }))
		})
	}
}
