package socket

import (
	"io"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Read reads at most len(b) bytes into b. At the end of the peer's data it
// returns io.EOF; with an empty b it returns 0 and no error.
func Read(fd int, b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		switch errno {
		case 0:
			if n == 0 {
				return 0, io.EOF
			}
			return int(n), nil
		case unix.EAGAIN:
			return 0, ErrWouldBlock
		case unix.EINTR:
			continue
		default:
			return 0, os.NewSyscallError("read", errno)
		}
	}
}

// Write writes as much of b as the socket takes and returns how much that was,
// which may be less than len(b) without any error.
func Write(fd int, b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		switch errno {
		case 0:
			return int(n), nil
		case unix.EAGAIN:
			return 0, ErrWouldBlock
		case unix.EINTR:
			continue
		default:
			return 0, os.NewSyscallError("write", errno)
		}
	}
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
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(&vector[0])), uintptr(count))
		switch errno {
		case 0:
			return int(n), nil
		case unix.EAGAIN:
			return 0, ErrWouldBlock
		case unix.EINTR:
			continue
		default:
			return 0, os.NewSyscallError("writev", errno)
		}
	}
}
