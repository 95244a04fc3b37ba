package sendq

import (
	"fmt"
	"testing"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/buffer"
)

// BenchmarkFirst is what the size of a queue's own first buffer stands on: one frame comes
// and is sent. With first=0 its buffer is the pool's.
func BenchmarkFirst(b *testing.B) {
	for _, size := range []int{20, 125, 250} {
		for _, first := range []int{0, 64, 160, 256, 512} {
			b.Run(fmt.Sprintf("size=%d/first=%d", size, first), func(b *testing.B) {
				store := Store{Pool: new(buffer.Pool)}
				own := buffer.Of(make([]byte, first))
				var q Queue
				if first > 0 {
					q.UseFirst(&own)
				}
				h := frame.Header{Fin: true, Opcode: frame.Binary, PayloadLen: int64(size)}
				payload, iov := make([]byte, size), make([][]byte, 0, 1)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					q.AppendFrame(&store, h, payload)
					_ = q.Vector(iov)
					q.Consume(q.Len())
				}
			})
		}
	}
}

// BenchmarkDropOldest is a message to a peer that takes nothing, whose queue is full of
// others: own ones are copied, shared ones are not.
func BenchmarkDropOldest(b *testing.B) {
	payload := make([]byte, 100)
	h := frame.Header{Fin: true, Opcode: frame.Binary, PayloadLen: int64(len(payload))}
	for _, way := range []string{"own", "shared"} {
		b.Run(way, func(b *testing.B) {
			store := Store{Pool: new(buffer.Pool)}
			f := NewFrame(h, payload)
			defer f.Release()
			var q Queue
			b.ReportAllocs()
			for b.Loop() {
				if q.Len() >= 1<<20 {
					q.DropOldest(&store, f.Len(), nil)
				}
				if way == "own" {
					q.AppendFrame(&store, h, payload)
				} else {
					q.AppendShared(&store, f)
				}
			}
			q.Clear()
		})
	}
}
