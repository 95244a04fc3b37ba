package conn

import (
	"fmt"
	"strings"
	"testing"

	"github.com/framerail/framerail/frame"
)

// BenchmarkEcho is a message in and the same out, without the cost of a system
// call.
func BenchmarkEcho(b *testing.B) {
	for _, size := range []int{0, 20, 125, 1 << 10, 16 << 10, 256 << 10} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			r := openRig(b, Config{MaxMessageSize: 1 << 20, MaxPending: 2 << 20, Handlers: Handlers{Message: echo}})
			frames := peer(frame.Binary, true, strings.Repeat("x", size))
			in := make([]byte, len(frames))
			r.wire.out.Grow(1 << 20)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				copy(in, frames)
				r.wire.in = in
				for len(r.wire.in) > 0 {
					r.d.Readable()
				}
				r.wire.out.Reset()
			}
		})
	}
}
