package frame

import (
	"encoding/binary"
	"unicode/utf8"
)

// textState is where in a UTF-8 sequence a text stands that came so far. The
// zero value is between two sequences.
type textState struct {
	need   uint8 // bytes that the sequence still lacks
	lo, hi uint8 // range of the next one
}

// accept checks the next bytes of a text and returns how many of them are good:
// len(b), or the offset of the first bad byte. After a bad byte the state means
// nothing any more.
func (s *textState) accept(b []byte) int {
	i := 0
	for s.need > 0 && i < len(b) {
		if !s.step(b[i]) {
			return i
		}
		i++
	}

	// What is not whole at the end is left to the next call; the bulk between
	// goes the fast way, and byte by byte only if there is a bad byte to find.
	end := len(b) - unfinished(b[i:])
	if !validText(b[i:end]) {
		end = i
	}
	for i = end; i < len(b); i++ {
		if !s.step(b[i]) {
			return i
		}
	}
	return i
}

// step takes one byte. It returns false if the text is not UTF-8 with it.
//
// RFC 3629 4: the byte after E0, ED, F0 and F4 has a shorter range, which keeps
// out overlong forms, surrogates and what is above U+10FFFF.
func (s *textState) step(c byte) bool {
	if s.need > 0 {
		if c < s.lo || c > s.hi {
			return false
		}
		s.need--
		s.lo, s.hi = 0x80, 0xBF
		return true
	}
	s.lo, s.hi = 0x80, 0xBF
	switch {
	case c < 0x80:
	case c < 0xC2:
		return false
	case c < 0xE0:
		s.need = 1
	case c < 0xF0:
		s.need = 2
		if c == 0xE0 {
			s.lo = 0xA0
		} else if c == 0xED {
			s.hi = 0x9F
		}
	case c < 0xF5:
		s.need = 3
		if c == 0xF0 {
			s.lo = 0x90
		} else if c == 0xF4 {
			s.hi = 0x8F
		}
	default:
		return false
	}
	return true
}

// unfinished returns how many bytes at b's end, 0 to 3, start a sequence that
// they do not end.
func unfinished(b []byte) int {
	n := len(b)
	switch {
	case n >= 1 && b[n-1] >= 0xC0:
		return 1
	case n >= 2 && b[n-2] >= 0xE0:
		return 2
	case n >= 3 && b[n-3] >= 0xF0:
		return 3
	}
	return 0
}

// validText is utf8.Valid, with a shorter way for ASCII of every length.
func validText(b []byte) bool {
	return isASCII(b) || utf8.Valid(b)
}

// isASCII reports whether all of b is below 0x80. The last word overlaps the one
// before it, so that no loop is needed for the odd bytes at the end.
func isASCII(b []byte) bool {
	const high = 0x8080808080808080
	if len(b) < 8 {
		if len(b) >= 4 {
			return (binary.LittleEndian.Uint32(b)|binary.LittleEndian.Uint32(b[len(b)-4:]))&(high&(1<<32-1)) == 0
		}
		var or byte
		for _, c := range b {
			or |= c
		}
		return or < 0x80
	}
	end := binary.LittleEndian.Uint64(b[len(b)-8:])
	for len(b) > 32 {
		w := b[:32:32]
		if (binary.LittleEndian.Uint64(w[0:8])|binary.LittleEndian.Uint64(w[8:16])|
			binary.LittleEndian.Uint64(w[16:24])|binary.LittleEndian.Uint64(w[24:32]))&high != 0 {
			return false
		}
		b = b[32:]
	}
	for len(b) > 8 {
		end |= binary.LittleEndian.Uint64(b)
		b = b[8:]
	}
	return end&high == 0
}
