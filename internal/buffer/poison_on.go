//go:build poison

package buffer

import "sync/atomic"

// Poisoning tells whether this build overwrites bytes whose loan has ended.
const Poisoning = true

// Poison overwrites b, so that a program that keeps a payload past its loan
// reads 0xDB instead of bytes that happen to be right still.
func Poison(b []byte) {
	for i := range b {
		b[i] = 0xDB
	}
}

// Counting tells whether this build counts the buffers of all pools together.
const Counting = true

var outstanding atomic.Int64

// Outstanding is how many buffers of all pools are lent. Only a test build counts them: the
// loops would get in each other's way.
func Outstanding() int64 { return outstanding.Load() }

func count(n int64) { outstanding.Add(n) }
