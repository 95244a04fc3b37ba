//go:build openbsd || dragonfly

package socket

// Unsent is not known on these systems.
func Unsent(fd int) (int, bool) { return 0, false }
