package mask

import (
	"bytes"
	"testing"
)

func isASCII(b []byte) bool {
	return !bytes.ContainsFunc(b, func(r rune) bool { return r >= 0x80 })
}

// No byte but one is not ASCII, at each place of payloads of each length. It is one when it
// is unmasked: what is masked must not count, nor what lies around the payload.
func TestXORASCII_SeesEachByte(t *testing.T) {
	eachPath(t, func(t *testing.T) {
		k := KeyFromBytes([4]byte{0x37, 0x80, 0xff, 0})
		plain, b := bytes.Repeat([]byte{0x7f}, 420), make([]byte, 420)
		for length := range 400 {
			for at := -1; at < length; at++ {
				for i := range b {
					b[i] = 0xff
				}
				masked := b[length%32 : length%32 : length%32+length]
				masked = append(masked, plain[:length]...)
				if at >= 0 {
					masked[at] = 0x80
				}
				want := bytes.Clone(masked)
				XOR(masked, k)
				if ascii := XORASCII(masked, k); ascii != (at < 0) {
					t.Fatalf("length %d, not ASCII at %d: got %v", length, at, ascii)
				}
				if !bytes.Equal(masked, want) {
					t.Fatalf("length %d, not ASCII at %d: got % x, want % x", length, at, masked, want)
				}
			}
		}
	})
}

func TestXORASCII_OfNothing(t *testing.T) {
	if !XORASCII(nil, 1) {
		t.Error("nothing is not ASCII")
	}
}
