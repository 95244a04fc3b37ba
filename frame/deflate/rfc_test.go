package deflate

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/framerail/framerail/frame"
)

func fromHex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The messages of RFC 7692 7.2.3, one after the other, and others that senders make.
func TestInflate_MessagesOfTheRFC(t *testing.T) {
	var f Inflater
	var history Window
	for _, c := range []struct{ name, hex, want string }{
		{"7.2.3.1 one block", "f2 48 cd c9 c9 07 00", "Hello"},
		{"7.2.3.2 with the window of the one before", "f2 00 11 00 00", "Hello"},
		{"7.2.3.3 stored", "00 05 00 fa ff 48 65 6c 6c 6f 00", "Hello"},
		{"7.2.3.4 BFINAL", "f3 48 cd c9 c9 07 00 00", "Hello"},
		{"7.2.3.5 two blocks", "f2 48 05 00 00 00 ff ff ca c9 c9 07 00", "Hello"},
		{"7.2.3.6 nothing", "00", ""},
		{"7.2.1 another block behind BFINAL", "f3 48 cd c9 c9 07 00 f2 48 cd c9 c9 07 00", "HelloHello"},
		{"BFINAL and no empty block behind it", "f3 48 cd c9 c9 07 00", "Hello"},
		{"not a byte", "", ""},
		{"with the tail", "f2 48 cd c9 c9 07 00 00 00 ff ff", "Hello"},
		{"many empty blocks", strings.Repeat("00 00 00 ff ff", 1000) + "f2 48 cd c9 c9 07 00", "Hello"},
	} {
		for _, cut := range []int{1, 100_000} {
			before := history
			before.buf = bytes.Clone(history.buf)
			got, err := inflateAll(&f, fromHex(t, c.hex), &before, MaxWindowBits, cut, cut, 1000)
			if err != nil || string(got) != c.want {
				t.Errorf("%s, %d bytes at a time: %q, %v", c.name, cut, got, err)
			}
			if cut > 1 {
				history = before
			}
		}
	}
}

// bitstream is bits in the order of RFC 1951 3.1.1.
type bitstream struct {
	b []byte
	n int
}

// value appends a number of so many bits, its lowest first.
func (s *bitstream) value(v, bits int) *bitstream {
	for i := range bits {
		if s.n%8 == 0 {
			s.b = append(s.b, 0)
		}
		s.b[s.n/8] |= byte(v>>i&1) << (s.n % 8)
		s.n++
	}
	return s
}

// code appends a code, written as in the RFC: its highest bit first.
func (s *bitstream) code(code string) *bitstream {
	for _, c := range code {
		s.value(int(c-'0'), 1)
	}
	return s
}

// What no compressor makes.
func TestInflate_FaultsOfRFC1951(t *testing.T) {
	fixed := func() *bitstream { return new(bitstream).value(0, 1).value(1, 2) }
	dynamic := func(hlit, hdist, hclen int) *bitstream {
		return new(bitstream).value(0, 1).value(2, 2).value(hlit, 5).value(hdist, 5).value(hclen, 4)
	}
	lengths := func(s *bitstream, n ...int) *bitstream {
		for _, l := range n {
			s.value(l, 3)
		}
		return s
	}
	var oversubscribed, incomplete [19]int
	for i := range oversubscribed {
		oversubscribed[i] = 1
	}
	incomplete[0], incomplete[1] = 2, 2
	for name, c := range map[string]struct {
		bits *bitstream
		want *frame.Error
	}{
		"3.2.3 block type 11":                {new(bitstream).value(0, 1).value(3, 2), ErrCorrupt},
		"3.2.4 length and complement differ": {new(bitstream).value(0, 8).value(5, 16).value(5, 16), ErrCorrupt},
		"3.2.6 length symbol 286":            {fixed().code("11000110"), ErrCorrupt},
		"3.2.6 distance symbol 30":           {fixed().code("00110000").code("0000001").code("11110"), ErrCorrupt},
		"3.2.5 distance beyond the start":    {fixed().code("00110000").code("0000001").code("00001"), ErrHistory},
		"3.2.7 287 literals and lengths":     {dynamic(30, 0, 0), ErrCorrupt},
		"3.2.7 31 distances":                 {dynamic(0, 30, 0), ErrCorrupt},
		"3.2.7 no code for lengths":          {lengths(dynamic(0, 0, 15), make([]int, 19)...).value(0, 16), ErrCorrupt},
		"3.2.7 too many codes":               {lengths(dynamic(0, 0, 15), oversubscribed[:]...), ErrCorrupt},
		"3.2.7 too few codes":                {lengths(dynamic(0, 0, 15), incomplete[:]...), ErrCorrupt},
		"3.2.7 nothing to repeat":            {lengths(dynamic(0, 0, 0), 1, 1, 0, 0).code("0").value(0, 2), ErrCorrupt},
		"3.2.7 repeated beyond the end":      {lengths(dynamic(0, 0, 0), 0, 0, 1, 1).code("1").value(127, 7).code("1").value(127, 7), ErrCorrupt},
		"ends within a header":               {dynamic(0, 0, 15), ErrCut},
		"ends within a stored block":         {new(bitstream).value(0, 8).value(50, 16).value(^50, 16), ErrCut},
	} {
		var f Inflater
		for _, cut := range []int{1, 1000} {
			if _, err := inflateAll(&f, c.bits.b, new(Window), MaxWindowBits, cut, 100, 1000); err != c.want {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
		}
	}
}

// A window is exactly as long as was agreed: a distance of as much is good, one more is not.
func TestInflate_WindowIsExact(t *testing.T) {
	for bits := minWindowBits; bits <= MaxWindowBits; bits++ {
		for _, history := range []int{1 << bits, 1<<bits - 1} {
			var w Window
			w.Use(make([]byte, 1<<bits))
			w.Add(make([]byte, history))
			// The longest distance of the window's, of a match of three bytes.
			base, extra, symbol := 1, 0, 0
			for distance := 1 << bits; base+1<<extra <= distance; symbol++ {
				base += 1 << extra
				extra = max(0, (symbol+1)/2-1)
			}
			code := ""
			for i := 4; i >= 0; i-- {
				code += string(rune('0' + symbol>>i&1))
			}
			s := new(bitstream).value(0, 1).value(1, 2).code("0000001").code(code).value(1<<bits-base, extra).code("0000000").value(0, 3)
			var f Inflater
			f.Reset(bits)
			n, _, done, err := f.Inflate(make([]byte, 10), s.b, true, &w)
			if good := history == 1<<bits; good && (n != 3 || !done || err != nil) || !good && err != ErrHistory {
				t.Errorf("%d bits, %d bytes before: %d bytes, done %t, %v", bits, history, n, done, err)
			}
		}
	}
}
