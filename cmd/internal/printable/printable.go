// Package printable makes text of a server fit to be shown.
package printable

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text returns s with everything escaped that is not to be seen, as in a Go
// string: control characters, so that a server's header cannot steer a
// terminal; bytes that are no UTF-8; and format characters, which can turn the
// direction of what follows. Line breaks become spaces.
func Text(s string) string {
	if !strings.ContainsFunc(s, hidden) {
		return s
	}
	out := make([]byte, 0, len(s)+16)
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			const hex = "0123456789abcdef"
			out = append(out, '\\', 'x', hex[s[0]>>4], hex[s[0]&15])
		case r == '\n':
			out = append(out, ' ')
		case hidden(r):
			quoted := strconv.AppendQuoteRuneToASCII(nil, r)
			out = append(out, quoted[1:len(quoted)-1]...)
		default:
			out = append(out, s[:size]...)
		}
		s = s[size:]
	}
	return string(out)
}

// Is reports whether a character is to be seen. U+FFFD, which stands for bytes that are no UTF-8,
// is not.
func Is(r rune) bool { return r != utf8.RuneError && unicode.IsPrint(r) }

func hidden(r rune) bool { return !Is(r) }
