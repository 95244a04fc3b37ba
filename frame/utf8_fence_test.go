//go:build unix

package frame

import (
	"strings"
	"testing"

	"github.com/framerail/framerail/internal/test/fence"
)

// Texts that end where memory ends, and those that begin where it begins.
func TestText_NoByteOutsideIsRead(t *testing.T) {
	const longest = 300
	memory := fence.Memory(t, longest)
	eachPath(t, func(t *testing.T) {
		for _, unit := range texts {
			text := strings.Repeat(unit, longest/len(unit)+1)
			for length := range longest {
				for _, b := range [][]byte{memory[:length], memory[len(memory)-length:]} {
					copy(b, text)
					var s textState
					if good := s.accept(b); good != length {
						t.Fatalf("%d bytes of %q: bad at %d", length, text, good)
					}
					ValidText(b)
				}
			}
		}
	})
}
