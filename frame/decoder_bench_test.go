package frame

import (
	"bytes"
	"fmt"
	"math"
	"testing"
)

// BenchmarkNext decodes 64 frames that lie behind one another, as after one read.
func BenchmarkNext(b *testing.B) {
	for _, shape := range []struct {
		name string
		role Role
		h    Header
	}{
		{"text", Server, Header{Fin: true, Opcode: Text, Masked: true}},
		{"binary", Server, Header{Fin: true, Opcode: Binary, Masked: true}},
		{"fragment", Server, Header{Opcode: Continuation, Masked: true}},
		{"ping", Server, Header{Fin: true, Opcode: Ping, Masked: true}},
		{"client", Client, Header{Fin: true, Opcode: Text}},
	} {
		for _, size := range []int{20, 16 << 10} {
			if often := shape.name == "text" || shape.name == "binary"; !often && size != 20 {
				continue
			}
			b.Run(fmt.Sprintf("shape=%s/size=%d", shape.name, size), func(b *testing.B) {
				const frames = 64
				// Each time it is unmasked again, text stays text.
				shape.h.MaskingKey = 0x01010101
				var in []byte
				for range frames {
					in = AppendFrame(in, shape.h, bytes.Repeat([]byte{'a'}, size))
				}
				var d Decoder
				d.Reset(shape.role, Limits{MaxMessageSize: math.MaxInt64, MaxFragments: math.MaxInt})
				if shape.h.Opcode == Continuation {
					d.Next(AppendHeader(nil, Header{Opcode: Binary, Masked: true}))
				}
				b.SetBytes(int64(size))
				b.ReportAllocs()
				rest := in
				for b.Loop() {
					ev, n, err := d.Next(rest)
					if err != nil || len(ev.Payload) != size {
						b.Fatal(err)
					}
					if rest = rest[n:]; len(rest) == 0 {
						rest = in
					}
				}
			})
		}
	}
}
