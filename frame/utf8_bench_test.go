package frame

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/framerail/framerail/internal/test/versus"
	"github.com/framerail/framerail/mask"
)

// BenchmarkText compares the check of text with utf8.Valid, with the automaton alone, and with
// what it takes to unmask the text.
func BenchmarkText(b *testing.B) {
	for _, text := range []struct{ name, unit string }{
		{"ascii", "the quick brown fox jumps over the lazy dog, "},
		{"german", "Übermäßig viele Grüße aus Köln und Zürich, "},
		{"russian", "Съешь же ещё этих мягких французских булок, "},
		{"arabic", "نص حكيم له سر قاطع وذو شأن عظيم مكتوب على ثوب أخضر "},
		{"chinese", "天地玄黄宇宙洪荒日月盈昃辰宿列张"},
		{"emoji", "😀😃😄😁😆😅😂🤣"},
	} {
		for _, size := range []int{256, 16 << 10} {
			if often := text.name == "ascii" || text.name == "russian"; !often && size == 256 {
				continue
			}
			in := []byte(strings.Repeat(text.unit, size/len(text.unit)+1))[:size]
			for !utf8.Valid(in) {
				in = in[:len(in)-1]
			}
			b.Run(fmt.Sprintf("text=%s/size=%d", text.name, size), func(b *testing.B) {
				masked := make([]byte, len(in))
				versus.Run(b, len(in), valid("", in, ValidText), valid("utf8.Valid", in, utf8.Valid),
					versus.Way{Name: "automaton", Run: func(times int) {
						setVector(false)
						for range times {
							ValidText(in)
						}
						setVector(hasVector)
					}},
					versus.Way{Name: "unmasking", Run: func(times int) {
						for range times {
							mask.XOR(masked, 1)
						}
					}})
			})
		}
	}
}

func valid(name string, in []byte, check func([]byte) bool) versus.Way {
	return versus.Way{Name: name, Run: func(times int) {
		for range times {
			if !check(in) {
				panic("not valid")
			}
		}
	}}
}
