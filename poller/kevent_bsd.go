//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package poller

import "golang.org/x/sys/unix"

// This file and kevent_emulated.go are what kqueue.go and poller_kqueue.go ask of
// the kernel: here it is the system's. The compiler leaves nothing of the file.

type rawEvent = unix.Kevent_t

const (
	filterRead  = unix.EVFILT_READ
	filterWrite = unix.EVFILT_WRITE
	eventAdd    = unix.EV_ADD
	eventDelete = unix.EV_DELETE
)

func newQueue() (fd int, err error) { return unix.Kqueue() }

func kevent(fd int, changes, events []rawEvent, timeout *unix.Timespec) (int, error) {
	return unix.Kevent(fd, changes, events, timeout)
}

func setEvent(ev *rawEvent, fd, filter, flags int) { unix.SetKevent(ev, fd, filter, flags) }
