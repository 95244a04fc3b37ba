//go:build unix

package mask

import (
	"bytes"
	"testing"

	"github.com/framerail/framerail/internal/test/fence"
)

// Payloads that end where memory ends, and those that begin where it begins.
func TestNoByteOutsideIsTouched(t *testing.T) {
	const longest = 2100
	memory, other := fence.Memory(t, longest), fence.Memory(t, longest)
	k := KeyFromBytes(testKey)
	eachPath(t, func(t *testing.T) {
		for length := range longest {
			for _, b := range [][]byte{memory[:length], memory[len(memory)-length:]} {
				for _, src := range [][]byte{other[:length], other[len(other)-length:]} {
					Copy(b, src, k)
					XOR(b, k)
					XORASCII(b, k)
					XOR(b, k)
					if !bytes.Equal(b, src) {
						t.Fatalf("length %d: differs from what was copied", length)
					}
				}
			}
		}
	})
}
