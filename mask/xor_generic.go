package mask

// xor is the one function that an architecture may have a version of its own of.
func xor(b []byte, k Key) { xorWords(b, k) }
