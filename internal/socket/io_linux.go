package socket

import (
	"io"
	"os"
	"unsafe"

	"github.com/framerail/framerail/internal/inject"
	"golang.org/x/sys/unix"
)

// Read reads at most len(b) bytes into b. At the end of the peer's data it
// returns io.EOF; with an empty b it returns 0 and no error.
//
// It uses recvfrom, and Write uses sendto. They reach the socket without the kernel's code for files,
// which is 3 % of an echo's cost.
func Read(fd int, b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	n, errno := call(inject.Read, unix.SYS_RECVFROM, fd, unsafe.Pointer(&b[0]), len(b), 0)
	if errno != 0 {
		return 0, failure("recvfrom", errno)
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Write writes as much of b as the socket takes and returns how much that was,
// which may be less than len(b) without any error.
func Write(fd int, b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	n, errno := call(inject.Write, unix.SYS_SENDTO, fd, unsafe.Pointer(&b[0]), len(b), unix.MSG_NOSIGNAL)
	if errno != 0 {
		return 0, failure("sendto", errno)
	}
	return n, nil
}

// Writev writes as much of bufs, one after the other, as the socket takes and
// returns how many bytes that was. It looks at the first MaxBuffers that are
// not empty; fewer bytes than bufs hold is no error. bufs is not changed.
func Writev(fd int, bufs [][]byte) (int, error) {
	var vector [MaxBuffers]unix.Iovec
	count := 0
	for _, b := range bufs {
		if len(b) == 0 {
			continue
		}
		if count == len(vector) {
			break
		}
		vector[count].Base = &b[0]
		vector[count].SetLen(len(b))
		count++
	}
	if count == 0 {
		return 0, nil
	}
	n, errno := call(inject.Writev, unix.SYS_WRITEV, fd, unsafe.Pointer(&vector[0]), count, 0)
	if errno != 0 {
		return 0, failure("writev", errno)
	}
	return n, nil
}

// call makes a system call that never blocks, past the scheduler, until no signal
// interrupts it. The arguments that a call does not have are ignored.
func call(site inject.Site, trap uintptr, fd int, p unsafe.Pointer, n int, flags uintptr) (int, unix.Errno) {
	for {
		r, errno := uintptr(0), inject.Of(site)
		if errno == 0 {
			r, _, errno = unix.RawSyscall6(trap, uintptr(fd), uintptr(p), uintptr(n), flags, 0, 0)
		}
		if errno != unix.EINTR {
			return int(r), errno
		}
	}
}

// failure is the error of a failed call.
func failure(name string, errno unix.Errno) error {
	if errno == unix.EAGAIN {
		return ErrWouldBlock
	}
	return os.NewSyscallError(name, errno)
}
