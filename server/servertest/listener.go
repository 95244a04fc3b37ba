package servertest

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"

	"github.com/framerail/framerail/internal/platform"
)

// serverAddr is the address that the server listens on.
var serverAddr = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 255, 255, 254}), 80)

// listener brings the simulated machine to the server. Guarded by the simulation's mu.
type listener struct {
	sim     *Sim
	used    bool // Accept was called
	backlog []*socket
	closed  bool
}

var _ platform.Provider = (*listener)(nil)

func (l *listener) Platform() platform.Platform { return (*machine)(l.sim) }
func (l *listener) Addr() net.Addr              { return net.TCPAddrFromAddrPort(serverAddr) }

// Accept is for package net's interface alone: the server accepts from an acceptor.
func (l *listener) Accept() (net.Conn, error) { return nil, errors.ErrUnsupported }

// simSockets are the sockets of the simulated machine. A connection is a transport that comes
// with being accepted, and nothing else has one.
type simSockets struct{ platform.NoSockets }

func (simSockets) Listen(ln net.Listener) (platform.Listener, error) {
	l, ok := ln.(*listener)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return acceptor{l}, nil
}

// acceptor is the listener as the server accepts from it.
type acceptor struct{ *listener }

var _ platform.Listener = acceptor{}

func (l acceptor) Accept() (platform.Accepted, error) {
	s := l.sim
	s.mu.Lock()
	l.used = true
	s.mu.Unlock()
	s.wait(waiting{ready: func() bool { return l.closed || len(l.backlog) > 0 }})
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.closed {
		return platform.Accepted{}, net.ErrClosed
	}
	if s.happens(s.Faults.Accepts) {
		return platform.Accepted{}, l.fail()
	}
	k := l.backlog[0]
	l.backlog = l.backlog[1:]
	k.open()
	s.note(actAccept, k.id, k.fd)
	return platform.Accepted{FD: k.fd, Remote: k.remote, Below: k}, nil
}

// EndsAccept returns false: waiting for an Accept to return would have to happen in the simulation.
func (l acceptor) EndsAccept() bool { return false }

func (l acceptor) SetUp(func(fd int) error) error { return nil }

func (l acceptor) File() (*os.File, error) { return nil, errors.ErrUnsupported }

// fail is an error that accepting may come to.
func (l *listener) fail() error {
	errno := [...]syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ECONNABORTED, syscall.EPROTO, syscall.EAGAIN}
	e := errno[l.sim.rnd.IntN(len(errno))]
	l.sim.note(actAcceptFails, int(e), 0)
	return os.NewSyscallError("accept4", e)
}

// Close resets the connections that wait to be accepted, as a kernel does.
func (l *listener) Close() error {
	l.sim.mu.Lock()
	defer l.sim.mu.Unlock()
	if !l.closed {
		l.closed = true
		for _, k := range l.backlog {
			k.reset()
		}
		l.backlog = nil
	}
	return nil
}
