//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package poller

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// pipe makes a non-blocking pipe that does not survive an exec.
func pipe() (r, w int, err error) {
	// The lock keeps a fork from happening before the flag is set.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	var ends [2]int
	if err := unix.Pipe(ends[:]); err != nil {
		return 0, 0, err
	}
	for _, fd := range ends {
		unix.CloseOnExec(fd)
		if err := unix.SetNonblock(fd, true); err != nil {
			unix.Close(ends[0])
			unix.Close(ends[1])
			return 0, 0, err
		}
	}
	return ends[0], ends[1], nil
}

// submit moves the filters of fd from one interest to another. A filter that is
// not set reports nothing, end of file and errors included.
func (p *Poller) submit(fd int, from, to Interest) error {
	var changes [2]unix.Kevent_t
	n := 0
	for _, f := range [...]struct {
		interest Interest
		filter   int
	}{{Read, unix.EVFILT_READ}, {Write, unix.EVFILT_WRITE}} {
		was, is := from&f.interest != 0, to&f.interest != 0
		switch {
		case is && !was:
			unix.SetKevent(&changes[n], fd, f.filter, unix.EV_ADD)
			n++
		case was && !is:
			unix.SetKevent(&changes[n], fd, f.filter, unix.EV_DELETE)
			n++
		}
	}
	if n == 0 {
		return nil
	}
	_, err := unix.Kevent(p.fd, changes[:n], nil, nil)
	return os.NewSyscallError("kevent", err)
}

// kevent waits at most timeout and fills events.
func (p *Poller) kevent(events []Event, timeout *unix.Timespec) (int, error) {
	if len(p.raw) < len(events) {
		p.raw = make([]unix.Kevent_t, len(events))
	}
	got, err := unix.Kevent(p.fd, nil, p.raw[:len(events)], timeout)
	if err == unix.EINTR {
		return 0, nil // Wait may return early
	}
	if err != nil {
		return 0, os.NewSyscallError("kevent", err)
	}
	n := 0
	for i := range got {
		ev := &p.raw[i]
		fd := int(ev.Ident)
		if fd == p.wakeRead {
			p.drainPipe()
			continue
		}
		ready := Read
		if int(ev.Filter) == unix.EVFILT_WRITE {
			ready = Write
		}
		if e, ok := p.registered.stamp(fd, ready); ok {
			events[n] = e
			n++
		}
	}
	return n, nil
}

// drainPipe empties the wake-up pipe. What is left, if anything, is reported
// again: one read is enough.
func (p *Poller) drainPipe() {
	var sink [64]byte
	unix.Read(p.wakeRead, sink[:])
}
