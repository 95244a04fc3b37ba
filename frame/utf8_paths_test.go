package frame

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

// eachPath runs a test with the automaton alone, and with vectors if there are any here.
func eachPath(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	defer setVector(hasVector)
	setVector(false)
	t.Run("automaton", test)
	if hasVector {
		setVector(true)
		t.Run("vectors", test)
	}
}

// plainly is accept, one step of the automaton after the other.
func (s *textState) plainly(b []byte) (good int) {
	for i, c := range b {
		if *s = s.step(c); *s == textBad {
			return i
		}
	}
	return len(b)
}

// samePlainly compares both paths with the plain automaton, which has cut bytes of b behind
// it when it takes the others.
func samePlainly(t testing.TB, b []byte, cut int) {
	t.Helper()
	var start textState
	if start.plainly(b[:cut]) < cut {
		return
	}
	want := start
	good := want.plainly(b[cut:])
	defer setVector(hasVector)
	for _, on := range []bool{false, hasVector} {
		setVector(on)
		got := start
		if n := got.accept(b[cut:]); n != good || good == len(b)-cut && got != want {
			t.Fatalf("vectors %v: %q behind %q: bad at %d, then state %d; want %d, %d", on, b[cut:], b[:cut], n, got, good, want)
		}
		if valid := ValidText(b); valid != utf8.Valid(b) {
			t.Fatalf("vectors %v: %q: valid is %v", on, b, valid)
		}
	}
}

// texts have sequences of each length, behind one another and among ASCII.
var texts = []string{"a", "é", "€", "😀", "aé", "a€", "a😀", "é€😀a", strings.Repeat("a", 61) + "€", strings.Repeat("é", 40) + strings.Repeat("a", 90)}

// Everything that can be wrong stands everywhere in texts of some blocks: a block that is all
// ASCII, one behind it, the last one, which overlaps the one before, and the seams.
func TestTextPaths_FindTheFirstBadByte(t *testing.T) {
	bad := []string{"", "\x80", "\xbf\xbf", "\xc0\x80", "\xc1", "\xc2", "\xe0\x9f\xbf", "\xe0\xa0", "\xe1\x80", "\xed\xa0\x80", "\xef",
		"\xf0\x8f\xbf\xbf", "\xf0\x90\x80", "\xf3\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "é\x80", "€\x80", "😀\x80"}
	most := 330
	if testing.Short() {
		most = 200
	}
	for _, unit := range texts {
		text := strings.Repeat(unit, most/len(unit)+1)
		for _, c := range bad {
			b := make([]byte, 0, most+8)
			for at := 0; at <= most; at++ {
				if at < len(text) && !utf8.RuneStart(text[at]) {
					continue
				}
				b = append(append(append(b[:0], text[:at]...), c...), text[at:]...)
				samePlainly(t, b, 0)
				samePlainly(t, b[:min(len(b), at+len(c))], 0)
				samePlainly(t, b, min(at+1, len(b)))
			}
		}
	}
}

// Every length and every start, so that texts begin and end within a sequence.
func TestTextPaths_OfEachLength(t *testing.T) {
	for _, unit := range texts {
		text := []byte(strings.Repeat(unit, 300/len(unit)+1))
		for length := range 300 {
			for cut := 0; cut <= min(9, length); cut++ {
				samePlainly(t, text[:length], cut)
			}
		}
	}
}

// One byte is not as it was, at each place of texts of each length.
func TestTextPaths_SeeEachByte(t *testing.T) {
	for _, unit := range []string{"a", "é€😀a"} {
		text := []byte(strings.Repeat(unit, 200/len(unit)+1))
		for length := vectorMin; length < 200; length++ {
			for at := range length {
				for _, c := range []byte{0x00, 0x80, 0xc3} {
					b := bytes.Clone(text[:length])
					b[at] = c
					samePlainly(t, b, 0)
				}
			}
		}
	}
}

// Each pair of bytes, and each sequence of the bytes at the edges of RFC 3629 4, across the
// seam of two vectors and of two blocks.
func TestTextPaths_EverySequence(t *testing.T) {
	plain := bytes.Repeat([]byte{'a'}, 130)
	try := func(places []int, sequence ...byte) {
		for _, at := range places {
			b := bytes.Clone(plain)
			copy(b[at:], sequence)
			samePlainly(t, b, 0)
		}
	}
	for c := range 256 {
		for d := range 256 {
			try([]int{31, 63}, byte(c), byte(d))
		}
	}
	seams := []int{0, 30, 31, 61, 62, 63, 124, 126}
	edges := []byte{0x41, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff}
	for _, c0 := range edges[7:] {
		for _, c1 := range edges {
			for _, c2 := range edges[:8] {
				try(seams, c0, c1, c2)
				if !testing.Short() {
					try(seams, c0, c1, c2, 0x80)
					try(seams, c0, c1, c2, 0xbf)
				}
			}
		}
	}
}

// All scalar values behind one another, in blocks of which none is alike.
func TestTextPaths_EveryRune(t *testing.T) {
	var text []byte
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if utf8.ValidRune(r) {
			text = utf8.AppendRune(text, r)
		}
	}
	eachPath(t, func(t *testing.T) {
		for _, cut := range []int{0, 1, 2, 3, 200, 1001, 10_002, 3_000_003} {
			var s textState
			if n := s.accept(text[:cut]); n != cut {
				t.Fatalf("the first %d bytes: bad at %d", cut, n)
			}
			if n := s.accept(text[cut:]); n != len(text)-cut || s != textWhole {
				t.Fatalf("cut at %d: bad at %d", cut, n)
			}
		}
	})
}

// FuzzUTF8Paths compares both paths with the plain automaton: ASCII, then a text that is
// repeated, then one that is not, from any byte on.
func FuzzUTF8Paths(f *testing.F) {
	f.Add(uint8(0), []byte("é"), uint8(70), []byte("\xff"), uint8(1))
	f.Add(uint8(63), []byte("€"), uint8(50), []byte("\xe2\x82"), uint8(64))
	f.Add(uint8(130), []byte("😀"), uint8(33), []byte("\xed\xa0\x80"), uint8(0))
	f.Add(uint8(200), []byte("a€"), uint8(100), []byte(""), uint8(202))
	f.Add(uint8(64), []byte("\xc0"), uint8(1), []byte("a"), uint8(3))
	f.Add(uint8(0), []byte("é€😀 and more"), uint8(20), []byte("\xf4\x90\x80\x80"), uint8(255))
	f.Fuzz(func(t *testing.T, ascii uint8, text []byte, times uint8, end []byte, cut uint8) {
		if len(text) > 64 {
			text = text[:64]
		}
		b := bytes.Repeat([]byte{'a'}, int(ascii))
		b = append(b, bytes.Repeat(text, int(times))...)
		b = append(b, end...)
		samePlainly(t, b, min(int(cut), len(b)))
	})
}
