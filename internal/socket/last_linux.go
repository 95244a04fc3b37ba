package socket

import (
	"unsafe"

	"github.com/framerail/framerail/internal/inject"
	"golang.org/x/sys/unix"
)

// WriteLast is Write for the last bytes. CloseLast must follow at once. The system keeps the bytes until then, for 0.2
// seconds at most, and sends them and the FIN in one packet.
func WriteLast(fd int, b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	n, errno := call(inject.Write, unix.SYS_SENDTO, fd, unsafe.Pointer(&b[0]), len(b), unix.MSG_NOSIGNAL|unix.MSG_MORE)
	if errno != 0 {
		return 0, failure("sendto", errno)
	}
	return n, nil
}

// CloseLast is Close after WriteLast, or without it. If the peer sent bytes that were not read, Close resets the
// connection, and the system drops the bytes that it keeps. So CloseLast has them sent first.
func CloseLast(fd int) error {
	var unread int32
	_, _, errno := unix.RawSyscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCINQ, uintptr(unsafe.Pointer(&unread)))
	if errno != 0 || unread > 0 {
		_ = setInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) // which sends them
	}
	return Close(fd)
}
