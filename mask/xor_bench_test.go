package mask

import (
	"fmt"
	"testing"
)

// BenchmarkXOR shows what words gain over the RFC's byte loop. Payloads lie in a
// row and start at odd addresses, as after their headers in a read buffer; each
// is met again only after the others, so that no load waits for the store before
// it. Compare the two implementations of one run.
func BenchmarkXOR(b *testing.B) {
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	for _, size := range []int{0, 1, 3, 4, 7, 8, 12, 16, 20, 32, 64, 125, 256, 1 << 10, 16 << 10} {
		const payloads = 32
		var in [payloads][]byte
		buf := make([]byte, payloads*(6+size))
		for i := range in {
			in[i] = buf[i*(6+size)+6:][:size]
		}
		b.Run(fmt.Sprintf("impl=words/size=%d", size), func(b *testing.B) {
			k := KeyFromBytes(key)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				XOR(in[i%payloads], k)
			}
		})
		b.Run(fmt.Sprintf("impl=bytes/size=%d", size), func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				oracle(in[i%payloads], key, 0)
			}
		})
	}
}
