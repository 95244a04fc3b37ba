//go:build linux && !kqueue

package poller

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file holds the other ways to park an idle loop, which the benchmarks
// compare with the one that was chosen, and the client that keeps them busy.

// waiter is what the ways to park have in common.
type waiter interface {
	Add(fd int, i Interest, t uint64) error
	Wait(events []Event, deadline time.Time) (int, error)
	Wake() error
	Close() error
}

// threadPoller blocks in epoll_wait: the goroutine keeps its OS thread and the
// scheduler hands its processor to another after a while. An eventfd wakes it.
type threadPoller struct {
	fd, event int
	raw       []unix.EpollEvent
	// probe asks without blocking first, so that a busy loop does not go
	// through the scheduler at every turn.
	probe bool
}

// eventToken marks the eventfd.
const eventToken = ^uint64(0)

func newThreadPoller(probe bool) (waiter, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	event, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	p := &threadPoller{fd: fd, event: event, raw: make([]unix.EpollEvent, 256), probe: probe}
	return p, p.Add(event, Read, eventToken)
}

func (p *threadPoller) Add(fd int, i Interest, t uint64) error {
	ev := epollEvent(i, t)
	return unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &ev)
}

func (p *threadPoller) Wait(events []Event, deadline time.Time) (int, error) {
	n, err := 0, error(nil)
	if p.probe {
		r, _, _ := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd),
			uintptr(unsafe.Pointer(&p.raw[0])), uintptr(len(events)), 0, 0, 0)
		n = max(int(r), 0)
	}
	if n == 0 {
		timeout := -1
		if !deadline.IsZero() {
			timeout = max(0, int(time.Until(deadline).Milliseconds()))
		}
		if n, err = unix.EpollWait(p.fd, p.raw[:len(events)], timeout); err == unix.EINTR {
			return 0, nil
		}
	}
	found := 0
	for _, ev := range p.raw[:max(n, 0)] {
		e := Event{Token: uint64(uint32(ev.Fd)) | uint64(uint32(ev.Pad))<<32, Ready: readiness(ev.Events)}
		if e.Token == eventToken {
			var count [8]byte
			unix.Read(p.event, count[:])
			continue
		}
		events[found] = e
		found++
	}
	return found, err
}

func (p *threadPoller) Wake() error {
	one := [8]byte{1}
	_, err := unix.Write(p.event, one[:])
	return err
}

func (p *threadPoller) Close() error {
	unix.Close(p.event)
	return unix.Close(p.fd)
}

// eventfdPoller is a Poller roused by an eventfd among its descriptors instead
// of by its deadline.
type eventfdPoller struct {
	*Poller
	event int
}

func newEventfdPoller() (waiter, error) {
	p, err := New()
	if err != nil {
		return nil, err
	}
	event, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	return &eventfdPoller{p, event}, p.Add(event, Read, eventToken)
}

func (p *eventfdPoller) Wait(events []Event, deadline time.Time) (int, error) {
	n, err := p.Poller.Wait(events, deadline)
	for i, e := range events[:n] {
		if e.Token == eventToken {
			var count [8]byte
			unix.RawSyscall(unix.SYS_READ, uintptr(p.event), uintptr(unsafe.Pointer(&count)), 8)
			events[i] = events[n-1]
			return n - 1, err
		}
	}
	return n, err
}

func (p *eventfdPoller) Wake() error {
	one := [8]byte{1}
	_, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(p.event), uintptr(unsafe.Pointer(&one)), 8)
	if errno != 0 {
		return errno
	}
	return nil
}

func (p *eventfdPoller) Close() error {
	unix.Close(p.event)
	return p.Poller.Close()
}

// directPoller asks the netpoller at once, without polling first: one empty
// epoll_pwait fewer for an idle loop, the netpoller's locks for a busy one.
type directPoller struct{ *Poller }

func newDirectPoller() (waiter, error) {
	p, err := New()
	return directPoller{p}, err
}

func (p directPoller) Wait(events []Event, deadline time.Time) (int, error) {
	if err := p.arm(deadline); err != nil {
		return 0, err
	}
	n, err := 0, error(nil)
	if p.state.CompareAndSwap(running, parked) {
		n, err = p.park(events)
	}
	p.state.Swap(running)
	return n, err
}

// peerEnv, when set, makes this test binary a client instead: a process of its
// own, so that the CPU time of the server's process is the server's.
const peerEnv = "FRAMERAIL_POLLER_PEER"

// peerMessage is what goes back and forth.
const peerMessage = 20

// runPeer dials addr as often as a connection is offered and plays ping-pong
// on each until the other side closes.
func runPeer(addr string) {
	conns := 1
	if n := os.Getenv(peerEnv + "_CONNS"); n != "" {
		conns = 0
		for _, digit := range n {
			conns = conns*10 + int(digit-'0')
		}
	}
	var players sync.WaitGroup
	for range conns {
		players.Go(func() {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				return
			}
			defer c.Close()
			buf := make([]byte, peerMessage)
			for {
				if _, err := c.Write(buf); err != nil {
					return
				}
				if _, err := io.ReadFull(c, buf); err != nil {
					return
				}
			}
		})
	}
	players.Wait()
}

// cpuTime is what this process has used so far.
func cpuTime() (user, system time.Duration) {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano()), time.Duration(u.Stime.Nano())
}
