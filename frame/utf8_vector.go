//go:build (amd64 || arm64) && !purego && !asan && !msan

package frame

import "github.com/framerail/framerail/internal/race"

// utf8Vector checks the n bytes at b, where a sequence begins. n is at least 64. It returns
// how many bytes it has found without a fault: n, or less by up to 64 bytes more than there
// are. Of these, the last sequence may not have ended. If it has no second byte yet, its
// first byte has not been checked either.
//
//go:noescape
func utf8Vector(b *byte, n int) (good int)

// acceptVectors is accept for b of vectorMin bytes and more.
func (s *textState) acceptVectors(b []byte) int {
	// The automaton ends a sequence that has begun, so that vectors begin with one.
	at := 0
	for ; *s != textWhole && at < 3; at++ {
		if s.acceptWords(b[at:at+1]) == 0 {
			return at
		}
	}
	if rest := b[at:]; len(rest) >= vectorMin {
		race.Read(rest)
		good := utf8Vector(&rest[0], len(rest))
		at += good - lastSequence(rest[:good])
	}
	// It also finds the bad byte, if there is one, and how the text ends.
	return at + s.acceptWords(b[at:])
}

// validVectors is ValidText for b of vectorMin bytes and more.
func validVectors(b []byte) bool {
	race.Read(b)
	if utf8Vector(&b[0], len(b)) < len(b) {
		return false
	}
	if b[len(b)-1] < 0x80 {
		return true
	}
	var s textState
	n := lastSequence(b)
	return s.acceptWords(b[len(b)-n:]) == n && s == textWhole
}

// lastSequence returns how long the last sequence in b is so far. It returns 0 if that is
// ASCII, or has the 4 bytes that it may have at most.
func lastSequence(b []byte) int {
	for n := 1; n <= 3 && n <= len(b); n++ {
		switch c := b[len(b)-n]; {
		case c < 0x80:
			return 0
		case c >= 0xC0:
			return n
		}
	}
	return 0
}
