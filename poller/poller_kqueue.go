//go:build darwin || freebsd || netbsd || openbsd || dragonfly || (linux && kqueue)

package poller

import (
	"os"
	"sync"
	"time"

	"github.com/framerail/framerail/internal/inject"
	"golang.org/x/sys/unix"
)

// platform is the part of a Poller that only kqueue needs.
//
// A loop with nothing to do blocks in kevent, in an OS thread. It is roused
// through a pipe, which every kqueue system has; EVFILT_USER is not everywhere.
type platform struct {
	fd  int
	raw []rawEvent

	// registered tells the token of a descriptor: the kernel's user data is a
	// pointer on most of these systems and cannot carry one.
	registered registry
	deadline   time.Time

	// wakeRead and wakeWrite are the ends of the pipe. Under wakeMu, since
	// unpark may come while the loop closes them.
	wakeMu              sync.Mutex
	wakeRead, wakeWrite int
	wakeClosed          bool
}

func (p *Poller) open() error {
	if errno := inject.Of(inject.Queue); errno != 0 {
		return os.NewSyscallError("kqueue", errno)
	}
	fd, err := newQueue()
	if err != nil {
		return os.NewSyscallError("kqueue", err)
	}
	unix.CloseOnExec(fd)
	p.fd = fd
	if p.wakeRead, p.wakeWrite, err = pipe(); err != nil {
		unix.Close(fd)
		return os.NewSyscallError("pipe", err)
	}
	p.registered = make(registry)
	if err := p.submit(p.wakeRead, None, Read); err != nil {
		p.close()
		return err
	}
	return nil
}

func (p *Poller) attach(fd int, i Interest, t uint64) error {
	if err := p.submit(fd, None, i); err != nil {
		return err
	}
	p.registered[fd] = registration{token: t, interest: i}
	return nil
}

func (p *Poller) change(fd int, i Interest, t uint64) error {
	was, ok := p.registered[fd]
	if !ok {
		return os.NewSyscallError("kevent change", unix.ENOENT)
	}
	if err := p.submit(fd, was.interest, i); err != nil {
		return err
	}
	p.registered[fd] = registration{token: t, interest: i}
	return nil
}

func (p *Poller) detach(fd int) error {
	was, ok := p.registered[fd]
	if !ok {
		return os.NewSyscallError("kevent delete", unix.ENOENT)
	}
	if err := p.submit(fd, was.interest, None); err != nil {
		return err
	}
	delete(p.registered, fd)
	return nil
}

// poll fills events with what is ready now.
func (p *Poller) poll(events []Event) (int, error) {
	return p.kevent(events, &unix.Timespec{})
}

// arm sets when park gives up. It must come before park is announced.
func (p *Poller) arm(deadline time.Time) error {
	p.deadline = deadline
	return nil
}

// park waits until something is ready, the armed deadline has passed or unpark
// is called, and fills events.
func (p *Poller) park(events []Event) (int, error) {
	// Some kernels refuse a very long timeout. Waking once a day is allowed.
	wait := 24 * time.Hour
	if !p.deadline.IsZero() {
		wait = max(0, min(wait, time.Until(p.deadline)))
	}
	timeout := unix.NsecToTimespec(wait.Nanoseconds())
	return p.kevent(events, &timeout)
}

// unpark ends a park that is going on, or the next one. Any goroutine may call
// it, after close too.
func (p *Poller) unpark() error {
	p.wakeMu.Lock()
	defer p.wakeMu.Unlock()
	if p.wakeClosed {
		return os.ErrClosed
	}
	_, err := unix.Write(p.wakeWrite, wakeByte)
	if err == unix.EAGAIN || err == unix.EINTR {
		return nil // EAGAIN: the pipe is full of wake-ups
	}
	return os.NewSyscallError("write", err)
}

func (p *Poller) close() error {
	p.wakeMu.Lock()
	defer p.wakeMu.Unlock()
	p.wakeClosed = true
	unix.Close(p.wakeRead)
	unix.Close(p.wakeWrite)
	return os.NewSyscallError("close", unix.Close(p.fd))
}
