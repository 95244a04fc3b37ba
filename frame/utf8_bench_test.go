package frame

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// BenchmarkText compares the check of text with utf8.Valid: divide within a run.
func BenchmarkText(b *testing.B) {
	for _, text := range []struct{ name, unit string }{
		{"ascii", "the quick brown fox jumps over the lazy dog, "},
		{"german", "Übermäßig viele Grüße aus Köln und Zürich, "},
		{"russian", "Съешь же ещё этих мягких французских булок, "},
		{"chinese", "天地玄黄宇宙洪荒日月盈昃辰宿列张"},
		{"emoji", "😀😃😄😁😆😅😂🤣"},
	} {
		for _, size := range []int{5, 20, 125, 1 << 10, 16 << 10} {
			in := []byte(strings.Repeat(text.unit, size/len(text.unit)+1))[:size]
			for !utf8.Valid(in) {
				in = in[:len(in)-1]
			}
			b.Run(fmt.Sprintf("impl=frame/text=%s/size=%d", text.name, size), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if !ValidText(in) {
						b.Fatal("not valid")
					}
				}
			})
			b.Run(fmt.Sprintf("impl=utf8.Valid/text=%s/size=%d", text.name, size), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if !utf8.Valid(in) {
						b.Fatal("not valid")
					}
				}
			})
		}
	}
}
