package frame

import "encoding/binary"

// textState is where in a UTF-8 sequence a text stands that has come so far: a
// state of the automaton below. The zero value is between two sequences.
type textState uint8

// The states: how many continuation bytes must follow, and where the first of
// them has a shorter range, the byte it follows. Each is the place of its six
// bits in an entry of textSteps.
const (
	textWhole textState = 6 * iota // between two sequences
	text1                          // one more
	text2                          // two more
	text3                          // three more
	textE0                         // two more, the first A0-BF: no overlong form
	textED                         // two more, the first 80-9F: no surrogate
	textF0                         // three more, the first 90-BF: no overlong form
	textF4                         // three more, the first 80-8F: not above U+10FFFF
	textBad                        // not UTF-8, whatever follows
)

// textSteps holds, for each byte, the state that it leads to from each state, at
// the six bits that the old state gives the place of. A step of the automaton is
// then one load, which waits for nothing, and one shift: the only chain from
// byte to byte. BenchmarkText shows the gain over utf8.Valid.
var textSteps = func() (steps [256]uint64) {
	for c := range steps {
		for from := textWhole; from <= textBad; from += 6 {
			steps[c] |= uint64(from.step(byte(c))) << from
		}
	}
	return steps
}()

// step is the automaton: RFC 3629 4, the table of well-formed sequences.
func (s textState) step(c byte) textState {
	in := func(lo, hi byte, to textState) textState {
		if c >= lo && c <= hi {
			return to
		}
		return textBad
	}
	switch s {
	case text1:
		return in(0x80, 0xBF, textWhole)
	case text2:
		return in(0x80, 0xBF, text1)
	case text3:
		return in(0x80, 0xBF, text2)
	case textE0:
		return in(0xA0, 0xBF, text1)
	case textED:
		return in(0x80, 0x9F, text1)
	case textF0:
		return in(0x90, 0xBF, text2)
	case textF4:
		return in(0x80, 0x8F, text2)
	case textBad:
		return textBad
	}
	switch {
	case c < 0x80:
		return textWhole
	case c < 0xC2: // a continuation byte, or an overlong form
		return textBad
	case c < 0xE0:
		return text1
	case c == 0xE0:
		return textE0
	case c == 0xED:
		return textED
	case c < 0xF0:
		return text2
	case c == 0xF0:
		return textF0
	case c < 0xF4:
		return text3
	case c == 0xF4:
		return textF4
	}
	return textBad
}

// TextCheck checks that a text is UTF-8 while it comes, as a Decoder does by itself
// unless the text is compressed. The zero value is ready for the next text.
type TextCheck struct{ state textState }

// Accept checks the next bytes of the text and returns how many of them are good:
// len(b), or the offset of the first bad byte. last says that the text ends with them:
// if it ends within a sequence, its last byte is the bad one, or -1 if b is empty.
// After all of a text has been found good, the TextCheck is ready for the next one.
func (t *TextCheck) Accept(b []byte, last bool) (good int) {
	good = t.state.accept(b)
	if last && good == len(b) && t.state != textWhole {
		good--
	}
	return good
}

const (
	asciiHigh = 0x8080808080808080 // the bit of each byte that ASCII leaves 0
	stateBits = 63
)

// vectorMin is how many bytes utf8Vector needs at least. From there on it is faster than
// words, except for ASCII below vectorASCIIMin: BenchmarkText.
const (
	vectorMin      = 64
	vectorASCIIMin = 128
)

// accept checks the next bytes of a text and returns how many of them are good:
// len(b), or the offset of the first bad byte. After that the state is of no use.
func (s *textState) accept(b []byte) int {
	if len(b) >= vectorMin && vector {
		return s.acceptVectors(b)
	}
	return s.acceptWords(b)
}

// acceptWords is accept by the automaton, and by words where they are ASCII.
func (s *textState) acceptWords(b []byte) int {
	rest, state := b, uint64(*s)
	for len(rest) >= 8 {
		w := rest[:8]
		if state&stateBits == uint64(textWhole) && binary.LittleEndian.Uint64(w)&asciiHigh == 0 {
			// Where there is one ASCII word, there are probably more.
			rest = rest[8:]
			for len(rest) > 32 && asciiWords((*[32]byte)(rest)) {
				rest = rest[32:]
			}
			continue
		}
		next := textSteps[w[0]] >> (state & stateBits)
		next = textSteps[w[1]] >> (next & stateBits)
		next = textSteps[w[2]] >> (next & stateBits)
		next = textSteps[w[3]] >> (next & stateBits)
		next = textSteps[w[4]] >> (next & stateBits)
		next = textSteps[w[5]] >> (next & stateBits)
		next = textSteps[w[6]] >> (next & stateBits)
		next = textSteps[w[7]] >> (next & stateBits)
		if next&stateBits == uint64(textBad) {
			break
		}
		rest, state = rest[8:], next
	}
	for i, c := range rest {
		state = textSteps[c] >> (state & stateBits)
		if state&stateBits == uint64(textBad) {
			return len(b) - len(rest) + i
		}
	}
	*s = textState(state & stateBits)
	return len(b)
}

// asciiWords reports whether four words are ASCII.
func asciiWords(b *[32]byte) bool {
	return (binary.LittleEndian.Uint64(b[0:8])|binary.LittleEndian.Uint64(b[8:16])|
		binary.LittleEndian.Uint64(b[16:24])|binary.LittleEndian.Uint64(b[24:32]))&asciiHigh == 0
}

// ValidText reports whether b as a whole is UTF-8, as a text message must be (RFC 6455
// 5.6).
//
// It first tests words, up to one that is not ASCII. The last word overlaps the one before
// it, so that short texts of odd lengths need no loop over bytes.
func ValidText(b []byte) bool {
	if len(b) < 8 {
		if len(b) >= 4 {
			w := binary.LittleEndian.Uint32(b) | binary.LittleEndian.Uint32(b[len(b)-4:])
			return w&(asciiHigh&(1<<32-1)) == 0 || validSlow(b)
		}
		var or byte
		for _, c := range b {
			or |= c
		}
		return or < 0x80 || validSlow(b)
	}
	if len(b) >= vectorASCIIMin && vector {
		return validVectors(b)
	}

	or := binary.LittleEndian.Uint64(b[len(b)-8:])
	rest := b
	for len(rest) > 32 {
		if !asciiWords((*[32]byte)(rest)) {
			return validSlow(b)
		}
		rest = rest[32:]
	}
	for ; len(rest) > 8; rest = rest[8:] {
		or |= binary.LittleEndian.Uint64(rest)
	}
	return or&asciiHigh == 0 || validSlow(b)
}

// validSlow is ValidText without a way of its own for ASCII.
func validSlow(b []byte) bool {
	if len(b) >= vectorMin && vector {
		return validVectors(b)
	}
	var s textState
	return s.accept(b) == len(b) && s == textWhole
}
