package frame

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

// firstBad is the oracle: how many bytes of b some UTF-8 text can start with.
func firstBad(b []byte) int {
	for n := range b {
		if !canContinue(b[:n+1]) {
			return n
		}
	}
	return len(b)
}

// canContinue reports whether some bytes behind b would make it UTF-8.
func canContinue(b []byte) bool {
	for _, end := range []string{"", "\x80", "\xa0", "\x90", "\x80\x80", "\xa0\x80", "\x90\x80", "\x80\x80\x80", "\x90\x80\x80"} {
		if utf8.Valid(append(b[:len(b):len(b)], end...)) {
			return true
		}
	}
	return false
}

// checkText compares b, in one piece, split at each byte, and byte by byte, with
// utf8.Valid and with the first bad byte.
func checkText(t testing.TB, b []byte, bad int) {
	valid := utf8.Valid(b)
	if got := ValidText(b); got != valid {
		t.Fatalf("% x: ValidText is %v", b, got)
	}
	for cut := range len(b) + 1 {
		var s textState
		n := s.accept(b[:cut])
		if n == cut {
			n += s.accept(b[cut:])
		}
		if n != bad {
			t.Fatalf("% x cut at %d: bad at %d, want %d", b, cut, n, bad)
		}
		if n == len(b) && (s == textWhole) != valid {
			t.Fatalf("% x cut at %d: ends whole is %v", b, cut, s == textWhole)
		}
	}
	var s textState
	n := 0
	for n < len(b) && s.accept(b[n:n+1]) == 1 {
		n++
	}
	if n != bad {
		t.Fatalf("% x byte by byte: bad at %d, want %d", b, n, bad)
	}
}

// Every scalar value, split at each byte. RFC 3629 4.
func TestTextEveryRune(t *testing.T) { eachPath(t, testTextEveryRune) }

func testTextEveryRune(t *testing.T) {
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		b := utf8.AppendRune(nil, r)
		for cut := range len(b) + 1 {
			var s textState
			if s.accept(b[:cut]) != cut || (s == textWhole) != (cut == 0 || cut == len(b)) {
				t.Fatalf("%U: its first %d bytes are not taken", r, cut)
			}
			if s.accept(b[cut:]) != len(b)-cut || s != textWhole {
				t.Fatalf("%U: not taken behind its first %d bytes", r, cut)
			}
		}
	}
}

// Every pair of bytes, and each of 3 and 4 bytes with one for every class of byte
// there is: boundaries of RFC 3629 4 and their neighbours.
func TestTextEverySequence(t *testing.T) { eachPath(t, testTextEverySequence) }

func testTextEverySequence(t *testing.T) {
	for c := range 256 {
		for d := range 256 {
			b := []byte{byte(c), byte(d)}
			checkText(t, b, firstBad(b))
		}
	}
	edges := []byte{0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf,
		0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf7, 0xf8, 0xff}
	for _, c0 := range edges {
		for _, c1 := range edges {
			for _, c2 := range edges {
				b := []byte{c0, c1, c2}
				checkText(t, b, firstBad(b))
				if testing.Short() || c0 < 0xc0 {
					continue
				}
				for _, c3 := range edges {
					b := []byte{c0, c1, c2, c3}
					checkText(t, b, firstBad(b))
				}
			}
		}
	}
}

// Bad sequences at every place of a longer text: the words of the fast way, their
// ends, and what is left behind the last of them.
func TestTextInvalidAtEachPosition(t *testing.T) { eachPath(t, testTextInvalidAtEachPosition) }

func testTextInvalidAtEachPosition(t *testing.T) {
	for _, unit := range []string{"a", "é", "€", "😀", "aé€😀"} {
		text := []byte(strings.Repeat(unit, 80/len(unit)))
		for _, c := range []struct {
			rule  string
			bytes string
			good  int // of them are taken
		}{
			{"continuation byte alone", "\x80", 0},
			{"overlong, 2 bytes", "\xc0\x80", 0},
			{"overlong, 3 bytes", "\xe0\x9f\xbf", 1},
			{"overlong, 4 bytes", "\xf0\x8f\xbf\xbf", 1},
			{"surrogate", "\xed\xa0\x80", 1},
			{"above U+10FFFF", "\xf4\x90\x80\x80", 1},
			{"byte that never occurs", "\xff", 0},
			{"sequence cut short", "\xf0\x9f\x98a", 3},
		} {
			for at := range len(text) + 1 {
				if at < len(text) && !utf8.RuneStart(text[at]) {
					continue
				}
				b := bytes.Clone(text[:at])
				b = append(b, c.bytes...)
				b = append(b, text[at:]...)
				checkText(t, b, at+c.good)
			}
		}
	}
}

// Sequences that end too early, behind texts of every length.
func TestTextEndsWithinASequence(t *testing.T) { eachPath(t, testTextEndsWithinASequence) }

func testTextEndsWithinASequence(t *testing.T) {
	for n := range 80 {
		for _, end := range []string{"\xc3", "\xe2", "\xe2\x82", "\xf0", "\xf0\x9f", "\xf0\x9f\x98"} {
			b := append(bytes.Repeat([]byte{'a'}, n), end...)
			checkText(t, b, len(b))
		}
	}
}

func FuzzUTF8(f *testing.F) {
	for _, s := range []string{"", "Hello", "aé€😀", "\xed\xa0\x80", "\xf4\x8f\xbf\xbf", "\xc0\xaf", "a\xe2\x82",
		strings.Repeat("a", 70) + "\xff", strings.Repeat("é", 40)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 200 { // each is cut everywhere
			b = b[:200]
		}
		checkText(t, b, firstBadFast(b))

		var check TextCheck
		good := check.Accept(b[:len(b)/2], false)
		if good == len(b)/2 {
			good += check.Accept(b[len(b)/2:], true)
		}
		if valid := utf8.Valid(b); valid != (good == len(b)) {
			t.Errorf("%q: %d good bytes, valid: %v", b, good, valid)
		}
	})
}

// firstBadFast is firstBad over whole runes, for inputs of some length.
func firstBadFast(b []byte) int {
	n := 0
	for n < len(b) {
		r, size := utf8.DecodeRune(b[n:])
		if r == utf8.RuneError && size == 1 {
			return n + firstBad(b[n:min(n+4, len(b))])
		}
		n += size
	}
	return n
}
