package servertest

import "fmt"

// FNV-1a, with whole words in the place of bytes.
const (
	offsetBasis = 14695981039346656037
	prime       = 1099511628211
)

// Sum is a hash of all that has happened. Two simulations with the same seed, script
// and server have the same.
func (s *Sim) Sum() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sum
}

// note adds something that happened to the trace. mu is held.
func (s *Sim) note(what string, who, n int) {
	for i := range len(what) {
		s.sum = (s.sum ^ uint64(what[i])) * prime
	}
	s.sum = (s.sum ^ uint64(who)) * prime
	s.sum = (s.sum ^ uint64(n)) * prime
	if s.Trace != nil {
		fmt.Fprintf(s.Trace, "%s %d %d\n", what, who, n)
	}
}
