//go:build (!amd64 && !arm64) || purego || asan || msan

package mask

// vector is whether xorVector is used: there is none here. The compiler leaves out the calls
// of what follows.
const vector = false

func xorLong([]byte, Key) (ascii bool) { return false }

func copyLong(dst, src []byte, k Key) bool { return false }
