package mask

// Copy copies bytes of src to dst, masked or unmasked with k: src[0] meets the key's first
// byte. It returns how many, the shorter of the two lengths. src stays as it is, unless the
// two overlap, which they may. From some length on it is one pass, which takes half as long
// as copy and XOR: BenchmarkCopy.
func Copy(dst, src []byte, k Key) int {
	n := min(len(dst), len(src))
	dst, src = dst[:n], src[:n]
	if n < vectorMin || !vector || !copyLong(dst, src, k) {
		copy(dst, src)
		XOR(dst, k)
	}
	return n
}
