package mask

import (
	"bytes"
	"testing"
)

// oracle is RFC 6455 5.3 to the letter, one byte at a time.
func oracle(b []byte, key [4]byte, offset int) {
	for i := range b {
		b[i] ^= key[(offset+i)%4]
	}
}

func TestXOR(t *testing.T) {
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	const room = 64 + 300 + 64
	plain := make([]byte, room)
	for i := range plain {
		plain[i] = byte(i*7 + i>>3)
	}
	got, want := make([]byte, room), make([]byte, room)
	for length := range 301 {
		for offset := range 4 {
			for align := range 64 {
				copy(got, plain)
				copy(want, plain)
				XOR(got[align:align+length], KeyFromBytes(key).Rotate(offset))
				oracle(want[align:align+length], key, offset)
				if !bytes.Equal(got, want) {
					t.Fatalf("length %d, key offset %d, alignment %d: differs from the byte loop", length, offset, align)
				}
			}
		}
	}
}
