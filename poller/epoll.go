//go:build linux && !kqueue

package poller

import (
	"os"
	"time"
	"unsafe"

	"github.com/framerail/framerail/internal/inject"
	"golang.org/x/sys/unix"
)

// longAgo is a deadline that has passed on any clock.
var longAgo = time.Unix(1, 0)

// pollInto polls for park. The netpoller calls it before it parks the goroutine, and
// again after each edge, until it returns true. The first call finds descriptors that
// became ready before the netpoller waited for an edge.
func (p *Poller) pollInto(uintptr) bool {
	p.n, p.err = p.poll(p.into)
	return p.n > 0 || p.err != nil
}

// control is epoll_ctl.
func (p *Poller) control(site inject.Site, op, fd int, ev *unix.EpollEvent) error {
	if errno := inject.Of(site); errno != 0 {
		return os.NewSyscallError(site.String(), errno)
	}
	return os.NewSyscallError(site.String(), unix.EpollCtl(p.fd, op, fd, ev))
}

// pwait is epoll_pwait, since newer architectures have no epoll_wait, for up to n
// events. A timeout of 0 never blocks, so the scheduler need not hear of the call.
func (p *Poller) pwait(n int) (uintptr, unix.Errno) {
	if errno := inject.Of(inject.EpollWait); errno != 0 {
		return 0, errno
	}
	r, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd),
		uintptr(unsafe.Pointer(&p.raw[0])), uintptr(n), 0, 0, 0)
	return r, errno
}

// epollEvent is i and t in epoll's terms. The two 32-bit halves of the kernel's
// user data carry the token.
func epollEvent(i Interest, t uint64) unix.EpollEvent {
	ev := unix.EpollEvent{Fd: int32(uint32(t)), Pad: int32(uint32(t >> 32))}
	if i&Read != 0 {
		ev.Events |= unix.EPOLLIN
	}
	if i&Write != 0 {
		ev.Events |= unix.EPOLLOUT
	}
	return ev
}

// readiness is epoll's events in our terms. A socket that is reset or closed on
// both sides is readable and writable to the kernel too, so the interest it
// was registered with is among events; only other kinds of descriptors report
// a bare hang-up.
func readiness(events uint32) Interest {
	var ready Interest
	if events&unix.EPOLLIN != 0 {
		ready |= Read
	}
	if events&unix.EPOLLOUT != 0 {
		ready |= Write
	}
	if ready == None {
		ready = Read | Write
	}
	return ready
}
