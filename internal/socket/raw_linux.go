package socket

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls of this file do not block, so they pass the scheduler by. A close also sends the end of the
// data, which takes time. Seen by the scheduler it counts as one that blocks: other threads wake up
// to go on in its place, and look for more of these every 20 microseconds.

// closeFD is close(2).
func closeFD(fd int) error {
	if _, _, errno := unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0); errno != 0 {
		return errno
	}
	return nil
}

// setInt sets an option that is a number.
func setInt(fd, level, name, value int) error {
	v := int32(value)
	_, _, errno := unix.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(name),
		uintptr(unsafe.Pointer(&v)), unsafe.Sizeof(v), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// Unsent is how many bytes the system has that the peer has not acknowledged; false if that
// is not known.
func Unsent(fd int) (int, bool) {
	var n int32
	_, _, errno := unix.RawSyscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCOUTQ, uintptr(unsafe.Pointer(&n)))
	return int(n), errno == 0
}
