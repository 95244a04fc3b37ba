//go:build !poison

package buffer

// Poisoning tells whether this build overwrites bytes whose loan has ended.
const Poisoning = false

// Poison overwrites b in builds with the tag poison; here it does nothing.
func Poison([]byte) {}
