//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package socket

import (
	"math"

	"golang.org/x/sys/unix"
)

// DescriptorLimit is how many descriptors this process may have open; false if that
// is not known, or not limited to a number that could be reached.
func DescriptorLimit() (n int, ok bool) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, false
	}
	if cur := uint64(limit.Cur); cur < math.MaxInt32 {
		return int(cur), true
	}
	return 0, false
}
