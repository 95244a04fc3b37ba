//go:build !linux

package socket

import "time"

// SetUserTimeout does nothing: linux alone has it.
func SetUserTimeout(fd int, d time.Duration) error { return nil }

// SetDeferAccept does nothing: linux alone has it.
func SetDeferAccept(fd int, d time.Duration) error { return nil }
