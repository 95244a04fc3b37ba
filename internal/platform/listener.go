package platform

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"

	"github.com/framerail/framerail/internal/socket"
)

// Listen implements Sockets. It takes a descriptor of the socket of package net's own
// listeners alone: one of another type that has a descriptor, too, may embed them and do
// more when it accepts.
func (realSockets) Listen(ln net.Listener) (Listener, error) {
	switch ln.(type) {
	case *net.TCPListener, *net.UnixListener:
	default:
		return foreignListener{ln}, nil
	}
	fd, err := socket.Take(ln.(syscall.Conn))
	if err != nil {
		return nil, err
	}
	l := &socketListener{ln: ln, file: os.NewFile(uintptr(fd), "listener")}
	if l.raw, err = l.file.SyscallConn(); err != nil {
		_ = l.file.Close()
		return nil, err
	}
	l.take = l.takeOnce
	return l, nil
}

// socketListener accepts from a listener of package net's.
type socketListener struct {
	ln net.Listener

	// file is ln's socket under a descriptor of its own, since package net lets nobody
	// else wait on its.
	file *os.File
	raw  syscall.RawConn // of file

	closing sync.Mutex // guards what ln.Close does: see File

	// Owned by who accepts.
	take func(fd uintptr) bool // takeOnce, bound once; it leaves its result here
	got  Accepted
	err  error
}

// Accept implements Listener. It waits in Go's netpoller.
func (l *socketListener) Accept() (Accepted, error) {
	if err := l.raw.Read(l.take); err != nil {
		return Accepted{}, err
	}
	return l.got, l.err
}

// takeOnce accepts once; it returns false if nobody is waiting.
func (l *socketListener) takeOnce(fd uintptr) bool {
	l.got.FD, l.got.Remote, l.err = socket.Accept(int(fd))
	return socket.ClassifyAccept(l.err) != socket.AcceptWait
}

// Close implements Listener.
func (l *socketListener) Close() error {
	l.closing.Lock()
	err := l.ln.Close()
	l.closing.Unlock()
	return errors.Join(err, l.file.Close()) // waits for the accept that is going on, which it ends
}

// EndsAccept implements Listener.
func (l *socketListener) EndsAccept() bool { return true }

// SetUp implements Listener.
func (l *socketListener) SetUp(f func(fd int) error) (err error) {
	if _, ok := l.ln.(*net.TCPListener); !ok {
		return nil
	}
	if failed := l.raw.Control(func(fd uintptr) { err = f(int(fd)) }); failed != nil {
		return failed
	}
	return err
}

// File implements Listener.
func (l *socketListener) File() (*os.File, error) {
	fd, err := socket.Take(l.file)
	if err != nil {
		return nil, err
	}
	if ln, ok := l.ln.(*net.UnixListener); ok {
		l.closing.Lock()
		ln.SetUnlinkOnClose(false)
		l.closing.Unlock()
	}
	// That it does not block is known to os.NewFile, which then leaves it so.
	return os.NewFile(uintptr(fd), "listener "+l.ln.Addr().String()), nil
}

// foreignListener accepts from a listener of another package, whose connections must have
// descriptors.
type foreignListener struct{ net.Listener }

// Accept implements Listener.
func (l foreignListener) Accept() (Accepted, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return Accepted{}, err
	}
	defer nc.Close()
	fd, err := realSockets{}.Take(nc)
	if err != nil {
		return Accepted{}, err
	}
	return Accepted{FD: fd, Remote: socket.RemoteAddr(fd)}, nil
}

// EndsAccept implements Listener. An Accept of another package may go on for as long as it
// likes.
func (l foreignListener) EndsAccept() bool { return false }

// SetUp implements Listener.
func (l foreignListener) SetUp(func(fd int) error) error { return nil }

// File implements Listener.
func (l foreignListener) File() (*os.File, error) {
	return nil, fmt.Errorf("framerail: the descriptor of a %T: %w", l.Listener, errors.ErrUnsupported)
}
