package deflate

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"slices"
	"testing"
)

// records are n bytes of text as programs send it.
func records(n int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, `{"id":%d,"user":"user-%d","room":"lobby","price":%d.%02d,"tags":["a","b"],"at":"2026-01-%02dT10:%02d:00Z"}`+"\n",
			i*7919%100003, i*31%997, i*17%5000, i%100, i%28+1, i%60)
	}
	return b.Bytes()[:n]
}

func BenchmarkCompress(b *testing.B) {
	for _, size := range []int{256, 16384} {
		p := records(size)
		for _, kind := range []struct {
			name string
			c    Compressor
			held int
		}{
			{"level=1", Compressor{}, 0}, {"level=6", Compressor{Level: 6}, 0}, {"window=9", Compressor{WindowBits: 9}, 0},
			{"level=1/takeover", Compressor{}, 1 << 15}, {"level=6/takeover", Compressor{Level: 6}, 1 << 15}, {"window=12/takeover", Compressor{WindowBits: 12}, 1 << 12},
		} {
			if size == 256 && kind.c != (Compressor{}) {
				continue
			}
			b.Run(fmt.Sprintf("size=%d/%s", size, kind.name), func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(size))
				w := new(Window)
				if kind.held > 0 {
					w.Use(make([]byte, kind.held))
					w.Add(records(100_000))
				}
				dst := make([]byte, 0, Bound(size))
				for b.Loop() {
					dst = kind.c.Append(dst[:0], p, w, true)
				}
				b.ReportMetric(float64(len(dst))/float64(size), "ratio")
			})
		}
	}
}

func BenchmarkInflate(b *testing.B) {
	for _, size := range []int{1024, 262144} {
		p := records(size)
		msg := Compressor{}.Append(nil, p, nil, true)
		b.Run(fmt.Sprintf("size=%d/by=Inflater", size), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(size))
			var f Inflater
			dst := make([]byte, size+300)
			for b.Loop() {
				f.Reset(MaxWindowBits)
				if n, _, done, err := f.Inflate(dst, msg, true, nil); err != nil || !done || n != size {
					b.Fatal(n, done, err)
				}
			}
		})
		b.Run(fmt.Sprintf("size=%d/by=standard_library", size), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(size))
			whole := slices.Concat(msg, messageTail[:], lastBlock)
			src := bytes.NewReader(whole)
			r := flate.NewReader(src)
			dst := make([]byte, size)
			for b.Loop() {
				src.Reset(whole)
				_ = r.(flate.Resetter).Reset(src, nil) // never fails
				if _, err := io.ReadFull(r, dst); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
