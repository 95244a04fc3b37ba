//go:build (!amd64 && !arm64) || purego || asan || msan

package frame

// vector is whether utf8Vector is used: there is none here.
const vector = false

func (s *textState) acceptVectors(b []byte) int { return s.acceptWords(b) }

func validVectors([]byte) bool { return false }
