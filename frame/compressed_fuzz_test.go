package frame

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// FuzzDecoderRSV1 compares a Decoder that lets messages have RSV1 with one that does not:
// up to the first frame with a reserved bit they say the same. And however the bytes are
// cut, they say the same of the same messages.
func FuzzDecoderRSV1(f *testing.F) {
	for _, s := range sessions {
		in := s.bytes(Server)
		f.Add(in, false, []byte{1, 3})
		marked := bytes.Clone(in)
		if len(marked) > 0 {
			marked[0] |= 0x40
		}
		f.Add(marked, true, []byte{0, 7})
	}
	f.Fuzz(func(t *testing.T, in []byte, small bool, cuts []byte) {
		limits := Limits{}
		if small {
			limits = Limits{MaxMessageSize: 300, MaxFragments: 4}
		}
		decoder := func() *Decoder {
			var d Decoder
			d.Reset(Server, limits)
			d.AllowRSV1(true)
			return &d
		}
		got, marks := traceWith(t, decoder(), in, whole), marksOf(decoder(), in, whole)
		without, refused := strings.CutSuffix(traceOf(t, Server, limits, in, whole), bad(errReservedBits))
		if refused && !strings.HasPrefix(got, without) || !refused && got != without {
			t.Fatalf("with RSV1 %s\nwithout   %s", got, without)
		}
		if !refused && slices.Contains(marks, true) {
			t.Fatalf("RSV1 where no frame has it: %v", marks)
		}
		cut, piece := byteByByte, 0
		if len(cuts) > 0 {
			cut = func(left int) int {
				piece++
				return min(left, 1+int(cuts[(piece-1)%len(cuts)]))
			}
		}
		again := traceWith(t, decoder(), in, cut)
		if marksAgain := marksOf(decoder(), in, cut); again != got || !slices.Equal(marksAgain, marks) {
			t.Fatalf("cut as % x: %s %v\nwhole: %s %v", cuts, again, marksAgain, got, marks)
		}
	})
}

// marksOf tells of each whole message whether it had RSV1.
func marksOf(d *Decoder, in []byte, cut func(left int) int) (marks []bool) {
	for in = bytes.Clone(in); len(in) > 0; {
		size := cut(len(in))
		b := in[:size]
		in = in[size:]
		for len(b) > 0 {
			ev, n, err := d.Next(b)
			if err != nil {
				return marks
			}
			if b = b[n:]; ev.Last && ev.Opcode.isData() {
				marks = append(marks, d.RSV1())
			}
		}
	}
	return marks
}
