//go:build !poison

package buffer

// Poisoning tells whether this build overwrites bytes whose loan has ended.
const Poisoning = false

// Poison overwrites b in builds with the tag poison; here it does nothing.
func Poison([]byte) {}

// Counting tells whether this build counts the buffers of all pools together.
const Counting = false

// Outstanding is how many buffers of all pools are lent, in builds that count them.
func Outstanding() int64 { return 0 }

func count(int64) {}
