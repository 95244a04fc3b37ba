//go:build darwin || freebsd || netbsd || openbsd || dragonfly || (linux && kqueue)

package poller

import (
	"os"
	"syscall"

	"github.com/framerail/framerail/internal/inject"
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

// submit moves the filters of fd from one interest to another, or leaves both
// as they were. A filter that is not set reports nothing, end of file and
// errors included.
func (p *Poller) submit(fd int, from, to Interest) error {
	if err := p.filter(fd, filterRead, from&Read != 0, to&Read != 0); err != nil {
		return err
	}
	err := p.filter(fd, filterWrite, from&Write != 0, to&Write != 0)
	if err != nil {
		p.filter(fd, filterRead, to&Read != 0, from&Read != 0)
	}
	return err
}

// filter sets or clears one filter of fd, if it is not as wanted.
func (p *Poller) filter(fd, filter int, is, want bool) error {
	if is == want {
		return nil
	}
	site, flags := inject.FilterAdd, eventAdd
	if !want {
		site, flags = inject.FilterDelete, eventDelete
	}
	if errno := inject.Of(site); errno != 0 {
		return os.NewSyscallError(site.String(), errno)
	}
	var change [1]rawEvent
	setEvent(&change[0], fd, filter, flags)
	_, err := kevent(p.fd, change[:], nil, nil)
	return os.NewSyscallError(site.String(), err)
}

// kevent waits at most timeout and fills events.
func (p *Poller) kevent(events []Event, timeout *unix.Timespec) (int, error) {
	if len(p.raw) < len(events) {
		p.raw = make([]rawEvent, len(events))
	}
	got, err := p.ask(p.raw[:len(events)], timeout)
	for err == unix.EINTR && *timeout == (unix.Timespec{}) {
		got, err = p.ask(p.raw[:len(events)], timeout) // what is ready now is to be told
	}
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
		if int(ev.Filter) == filterWrite {
			ready = Write
		}
		if e, ok := p.registered.stamp(fd, ready); ok {
			events[n] = e
			n++
		}
	}
	return n, nil
}

// ask is the system call of kevent.
func (p *Poller) ask(raw []rawEvent, timeout *unix.Timespec) (int, error) {
	if errno := inject.Of(inject.FilterWait); errno != 0 {
		return 0, errno
	}
	return kevent(p.fd, nil, raw, timeout)
}

// wakeByte is what goes through the wake-up pipe.
var wakeByte = []byte{0}

// drainPipe empties the wake-up pipe. What is left, if anything, is reported
// again: one read is enough.
func (p *Poller) drainPipe() {
	var sink [64]byte
	unix.Read(p.wakeRead, sink[:])
}
