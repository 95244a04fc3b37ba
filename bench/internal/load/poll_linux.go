package load

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// poll is an epoll descriptor.
type poll struct {
	fd     int
	events []unix.EpollEvent
}

func newPoll() (*poll, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	return &poll{fd, make([]unix.EpollEvent, 256)}, nil
}

func (p *poll) close() error { return unix.Close(p.fd) }

// set changes what is waited for on a descriptor, which is number i.
func (p *poll) set(op, fd, i int, events uint32) error {
	if err := unix.EpollCtl(p.fd, op, fd, &unix.EpollEvent{Events: events, Fd: int32(i)}); err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

// errStall is what a run fails with when nothing happens.
var errStall = errors.New("nothing came for " + stall.String())

// wait waits for events. That there are none for a stall is an error.
func (p *poll) wait() ([]unix.EpollEvent, error) {
	for {
		events, err := p.waitFor(stall)
		if len(events) == 0 && err == nil {
			err = errStall
		}
		if err != unix.EINTR {
			return events, err
		}
	}
}

// waitFor waits for events for at most d, to the nanosecond.
func (p *poll) waitFor(d time.Duration) ([]unix.EpollEvent, error) {
	timeout := unix.NsecToTimespec(d.Nanoseconds())
	n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events[0])),
		uintptr(len(p.events)), uintptr(unsafe.Pointer(&timeout)), 0, 0)
	switch errno {
	case 0:
		return p.events[:n], nil
	case unix.EINTR:
		return nil, unix.EINTR
	}
	return nil, fmt.Errorf("epoll_pwait2: %w", errno)
}
