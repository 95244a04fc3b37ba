package deflate

import (
	"fmt"
	"testing"
)

// emptyBlocks are messages of n blocks without content, by kind (RFC 1951 3.2.3).
func emptyBlocks(n int) map[string][]byte {
	var stored, fixed, dynamic bitstream
	for range n {
		stored.value(0, 3)
		for stored.n%8 != 0 {
			stored.value(0, 1)
		}
		stored.value(0, 16).value(0xffff, 16)
		fixed.value(0, 1).value(1, 2).value(0, 7)
		appendEmptyDynamic(&dynamic)
	}
	stored.value(0, 3) // whose length RFC 7692 7.2.1 leaves out
	fixed.value(0, 3)
	dynamic.value(0, 3)
	return map[string][]byte{"stored": stored.b, "fixed": fixed.b, "dynamic": dynamic.b}
}

// appendEmptyDynamic appends a block that has codes of its own, and nothing else: 257
// lengths for literals, of which the end of the block has 1, and one for distances.
func appendEmptyDynamic(s *bitstream) {
	s.value(0, 1).value(2, 2).value(0, 5).value(0, 5).value(18-4, 4)
	for _, symbol := range codeOrder[:18] {
		length := 0
		if symbol == 18 || symbol == 1 {
			length = 1
		}
		s.value(length, 3)
	}
	s.code("1").value(138-11, 7).code("1").value(118-11, 7).code("0")
	s.code("0") // the length of the distance's code
	s.code("0") // the end of the block
}

// Blocks that say nothing cannot keep a call for longer than it would take to fill what
// it may write.
func TestInflate_OneCallIsBoundedWhateverTheBlocksSay(t *testing.T) {
	for name, msg := range emptyBlocks(5000) {
		for _, size := range []int{1, 100, 32 << 10} {
			var f Inflater
			f.Reset(MaxWindowBits)
			dst, src := make([]byte, size), msg
			calls := 0
			for done := false; !done; calls++ {
				before := f.Work()
				n, taken, whole, err := f.Inflate(dst, src, true, nil)
				if err != nil || n != 0 || taken == 0 && !whole && len(src) > 0 {
					t.Fatalf("%s: wrote %d, took %d, %v", name, n, taken, err)
				}
				// The bits that are taken ahead hold a few blocks more.
				if did := f.Work() - before; did > size+workOfCodes+8*workOfBlock {
					t.Fatalf("%s: a call to write %d bytes did as much as writing %d", name, size, did)
				}
				done, src = whole, src[taken:]
			}
			if least := 5000 * workOfBlock / (size + workOfCodes + 8*workOfBlock); calls < least {
				t.Errorf("%s: %d calls", name, calls)
			}
		}
	}
}

func TestInflate_WorkIsWhatWasWrittenAndSomethingForEachBlock(t *testing.T) {
	p := records(100_000)
	msg := Compressor{}.Append(nil, p, nil, true)
	var f Inflater
	for range 2 { // Reset begins anew
		f.Reset(MaxWindowBits)
		if n, _, done, err := f.Inflate(make([]byte, len(p)+300), msg, true, nil); n != len(p) || !done || err != nil {
			t.Fatal(n, done, err)
		}
		if w := f.Work(); w < len(p) || w > len(p)*3/2 {
			t.Errorf("%d for %d bytes", w, len(p))
		}
	}
}

// BenchmarkInflateBlocks is what workOfBlock and workOfCodes are about.
func BenchmarkInflateBlocks(b *testing.B) {
	const n = 1000
	for name, msg := range emptyBlocks(n) {
		b.Run(fmt.Sprintf("kind=%s", name), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(msg)))
			var f Inflater
			dst := make([]byte, 2<<20)
			for b.Loop() {
				f.Reset(MaxWindowBits)
				if _, _, done, err := f.Inflate(dst, msg, true, nil); err != nil || !done {
					b.Fatal(done, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/block")
		})
	}
}
