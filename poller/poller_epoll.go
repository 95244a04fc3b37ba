//go:build linux && !kqueue

package poller

import (
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/framerail/framerail/internal/inject"
	"golang.org/x/sys/unix"
)

// platform is the part of a Poller that only epoll needs.
//
// The epoll descriptor is itself pollable. It is registered in Go's own
// netpoller, and a loop with nothing to do parks there like any goroutine that
// reads from a socket: no OS thread is blocked and the scheduler stays in
// charge. Rousing it from another goroutine is moving its read deadline into
// the past, which costs no system call and puts it straight on a run queue.
type platform struct {
	fd   int
	file *os.File        // fd, as the netpoller knows it
	conn syscall.RawConn // of file

	raw      []unix.EpollEvent
	deadline time.Time // as last armed
	stale    bool      // the armed deadline is not `deadline` any more

	// attempt is pollInto as a value, made once: a method value allocates.
	attempt func(fd uintptr) bool
	into    []Event
	n       int
	err     error
}

func (p *Poller) open() error {
	if errno := inject.Of(inject.EpollCreate); errno != 0 {
		return os.NewSyscallError("epoll_create1", errno)
	}
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	// os.NewFile registers with the netpoller only what is non-blocking.
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return os.NewSyscallError("fcntl", err)
	}
	p.fd, p.file = fd, os.NewFile(uintptr(fd), "epoll")
	// os.NewFile does not say whether it could register the descriptor; this
	// fails with os.ErrNoDeadline when it could not.
	if err := p.file.SetReadDeadline(time.Time{}); err != nil {
		p.file.Close()
		return err
	}
	if p.conn, err = p.file.SyscallConn(); err != nil {
		p.file.Close()
		return err
	}
	p.attempt = p.pollInto
	return nil
}

func (p *Poller) attach(fd int, i Interest, t uint64) error {
	ev := epollEvent(i, t)
	return p.control(inject.EpollAdd, unix.EPOLL_CTL_ADD, fd, &ev)
}

func (p *Poller) change(fd int, i Interest, t uint64) error {
	ev := epollEvent(i, t)
	return p.control(inject.EpollModify, unix.EPOLL_CTL_MOD, fd, &ev)
}

func (p *Poller) detach(fd int) error {
	return p.control(inject.EpollRemove, unix.EPOLL_CTL_DEL, fd, nil)
}

// poll fills events with what is ready now.
func (p *Poller) poll(events []Event) (int, error) {
	if len(p.raw) < len(events) {
		p.raw = make([]unix.EpollEvent, len(events))
	}
	r, errno := p.pwait(len(events))
	for errno == unix.EINTR {
		r, errno = p.pwait(len(events))
	}
	if errno != 0 {
		return 0, os.NewSyscallError("epoll_pwait", errno)
	}
	for i := range int(r) {
		ev := &p.raw[i]
		events[i] = Event{
			Token: uint64(uint32(ev.Fd)) | uint64(uint32(ev.Pad))<<32,
			Ready: readiness(ev.Events),
		}
	}
	return int(r), nil
}

// arm sets when park gives up. It must come before park is announced.
func (p *Poller) arm(deadline time.Time) error {
	if deadline == p.deadline && !p.stale {
		return nil
	}
	p.deadline, p.stale = deadline, false
	return p.file.SetReadDeadline(deadline)
}

// park waits until something is ready, the armed deadline has passed or unpark
// is called, and fills events.
func (p *Poller) park(events []Event) (int, error) {
	p.into, p.n, p.err = events, 0, nil
	err := p.conn.Read(p.attempt)
	p.into = nil
	if errors.Is(err, os.ErrDeadlineExceeded) {
		// The time has come, or unpark moved the deadline: either way it is
		// in the past until armed again.
		p.stale = true
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return p.n, p.err
}

// unpark ends a park that is going on, or the next one. Any goroutine may call
// it, after close too.
func (p *Poller) unpark() error {
	return p.file.SetReadDeadline(longAgo)
}

func (p *Poller) close() error {
	return p.file.Close()
}
