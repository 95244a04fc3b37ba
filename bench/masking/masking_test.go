package masking

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/framerail/framerail/internal/test/versus"
	"github.com/framerail/framerail/mask"
	"github.com/gobwas/ws"
)

var key = [4]byte{0x37, 0xfa, 0x21, 0x3d}

func TestBothMaskAlike(t *testing.T) {
	for _, size := range append(sizes, 0) {
		ours, theirs := make([]byte, size), make([]byte, size)
		for offset := range 4 {
			mask.XOR(ours, mask.KeyFromBytes(key).Rotate(offset))
			ws.Cipher(theirs, key, offset)
			if !bytes.Equal(ours, theirs) {
				t.Fatalf("%d bytes, key offset %d: they differ", size, offset)
			}
		}
	}
}

// sizes are those at which either changes its way, and some between.
var sizes = []int{1, 2, 3, 4, 5, 6, 7, 8, 12, 15, 16, 20, 31, 32, 48, 63, 64, 80, 96, 112, 125, 127, 128, 129, 160, 192, 255, 256, 512,
	1 << 10, 2 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20}

// BenchmarkMasking reports how many times as long Cipher takes as XOR, and copy to another
// buffer. Payloads lie in a row and start at odd addresses, as after their headers.
func BenchmarkMasking(b *testing.B) {
	k := mask.KeyFromBytes(key)
	for _, size := range []int{1, 4, 8, 16, 20, 32, 64, 96, 125, 128, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			in := make([][]byte, max(1, min(32, 64<<10/size)))
			row, out := make([]byte, len(in)*(6+size)), make([]byte, size)
			for i := range in {
				in[i] = row[i*(6+size)+6:][:size]
			}
			versus.Run(b, size,
				versus.Way{Name: "framerail", Run: func(times int) {
					for i := range times {
						mask.XOR(in[i%len(in)], k)
					}
				}},
				versus.Way{Name: "gobwas", Run: func(times int) {
					for i := range times {
						ws.Cipher(in[i%len(in)], key, 0)
					}
				}},
				versus.Way{Name: "copy", Run: func(times int) {
					for i := range times {
						copy(out, in[i%len(in)])
					}
				}})
		})
	}
}
