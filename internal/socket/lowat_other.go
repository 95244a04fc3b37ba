//go:build !linux && !darwin

package socket

// SetUnsent does nothing: linux and darwin have it.
func SetUnsent(fd int, bytes int) error { return nil }
