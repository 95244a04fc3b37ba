package load

import (
	"syscall"
	"unsafe"
)

// rawRead and rawWrite do not tell the scheduler of the system call: the
// sockets never block, and the clients have a thread of their own.
func rawRead(fd int, p []byte) (int, syscall.Errno) { return raw(syscall.SYS_READ, fd, p) }

func rawWrite(fd int, p []byte) (int, syscall.Errno) { return raw(syscall.SYS_WRITE, fd, p) }

// raw makes one system call over p, which must not be empty. The count is 0
// when the call failed.
func raw(trap uintptr, fd int, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(trap, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}
