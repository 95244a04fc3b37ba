package mask

// xor is the one function an architecture may have its own version of.
func xor(b []byte, k Key) { xorGeneric(b, k) }
