package handshake

import "testing"

// fieldBytes finds the first byte that a field value may not have, whatever it is, wherever it stands, and
// whatever stands around it.
func TestFieldBytes(t *testing.T) {
	for size := range 20 {
		for at := range size {
			for b := range 256 {
				for _, around := range []byte{' ', '\t', '~', 0x80, 0xff} {
					s := make([]byte, size)
					for i := range s {
						s[i] = around
					}
					s[at] = byte(b)
					want := size
					if !isFieldByte[b] {
						want = at
					}
					if got := fieldBytes(s); got != want {
						t.Fatalf("%d bytes of %#x, and %#x at %d: %d, want %d", size, around, b, at, got, want)
					}
				}
			}
		}
	}
}
