//go:build !linux

package socket

// WriteLast is Write for the last bytes, behind which CloseLast follows at once. Only Linux can have both leave
// in one packet.
func WriteLast(fd int, b []byte) (int, error) { return Write(fd, b) }

// CloseLast is Close for a socket that may have bytes of WriteLast.
func CloseLast(fd int) error { return Close(fd) }
