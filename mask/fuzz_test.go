package mask

import (
	"bytes"
	"testing"
)

// FuzzMaskPaths compares words and vectors with the byte loop: a payload of any length, at
// any alignment, in two pieces.
func FuzzMaskPaths(f *testing.F) {
	f.Add([]byte("Hello"), uint32(0x3d21fa37), uint16(5), uint8(0), uint16(2))
	f.Add([]byte("a text of some length"), uint32(1), uint16(128), uint8(31), uint16(64))
	f.Add([]byte{0x80}, uint32(0), uint16(127), uint8(1), uint16(0))
	f.Add([]byte("h\xc3\xa9"), uint32(0xff00ff00), uint16(1500), uint8(17), uint16(1030))
	f.Add([]byte{}, uint32(0), uint16(0), uint8(0), uint16(0))
	f.Fuzz(func(t *testing.T, unit []byte, key uint32, length uint16, align uint8, cut uint16) {
		if len(unit) == 0 {
			unit = []byte{0}
		}
		n, before := int(length)%4096, int(align)%64
		at := int(cut) % (n + 1)
		plain := bytes.Repeat(unit, (before+n+64)/len(unit)+1)
		want := bytes.Clone(plain)
		oracle(want[before:before+n], Key(key).Bytes(), 0)

		defer setVector(hasVector)
		for _, on := range []bool{false, hasVector} {
			setVector(on)
			got := bytes.Clone(plain)
			first, second := got[before:before+at], got[before+at:before+n]
			XOR(first, Key(key))
			ascii := XORASCII(second, Key(key).Rotate(at))
			if !bytes.Equal(got, want) {
				t.Fatalf("vectors %v: got % x, want % x", on, got, want)
			}
			if ascii != isASCII(want[before+at:before+n]) {
				t.Fatalf("vectors %v: ASCII is %v: % x", on, ascii, second)
			}
			Copy(got[before:], plain[before:before+n], Key(key))
			if !bytes.Equal(got, want) {
				t.Fatalf("vectors %v, copied: got % x, want % x", on, got, want)
			}
		}
	})
}
