package platform

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"

	"github.com/framerail/framerail/internal/relay"
	"github.com/framerail/framerail/internal/socket"
)

// Listen implements Sockets. It uses the descriptor only of package net's own listeners. A listener of
// another type may embed one of them and do more in its Accept.
func (realSockets) Listen(ln net.Listener) (Listener, error) {
	own := false
	switch ln.(type) {
	case *net.TCPListener, *net.UnixListener:
		own = true
	}
	if !Native || !own {
		return foreignListener{ln, own}, nil
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

// socketListener accepts from a listener of package net.
type socketListener struct {
	ln net.Listener

	// file has a duplicate of ln's descriptor, because package net lets no other code wait on its
	// own.
	file *os.File
	raw  syscall.RawConn // of file

	closing sync.Mutex // guards what ln.Close does: see File

	// Owned by the goroutine that accepts.
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

// takeOnce accepts once. It returns false if no connection is waiting.
func (l *socketListener) takeOnce(fd uintptr) bool {
	l.got.FD, l.got.Remote, l.err = socket.Accept(int(fd))
	return socket.ClassifyAccept(l.err) != socket.AcceptWait
}

// Close implements Listener.
func (l *socketListener) Close() error {
	l.closing.Lock()
	err := l.ln.Close()
	l.closing.Unlock()
	return errors.Join(err, l.file.Close()) // ends the current accept and waits for it
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
	// os.NewFile sees that the descriptor does not block, and keeps it so.
	return os.NewFile(uintptr(fd), "listener "+l.ln.Addr().String()), nil
}

// foreignListener accepts by the Accept of a net.Listener. Its connections are relayed, unless they show a
// descriptor to a system that can use it.
type foreignListener struct {
	net.Listener
	own bool // it is one of package net's
}

// Accept implements Listener.
func (l foreignListener) Accept() (Accepted, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return Accepted{}, err
	}
	if relay.IsNil(nc) {
		return Accepted{}, errNoConn
	}
	a, err := realSockets{}.Take(nc)
	if err != nil {
		_ = nc.Close()
		return a, &spoiledError{err}
	}
	return a, nil
}

// errNoConn is the error of an Accept that has returned neither a connection nor an error. What causes that may
// last, so it is taken for a temporary failure.
var errNoConn error = noConnError{}

type noConnError struct{}

func (noConnError) Error() string {
	return "framerail: Accept has returned neither a connection nor an error"
}
func (noConnError) Temporary() bool { return true }

// spoiledError says that a connection cannot be used that an Accept has returned, such as one that is closed already. The
// next one may be good. If all are spoiled, accepting must not use up a processor.
type spoiledError struct{ err error }

func (e *spoiledError) Error() string { return "framerail: a connection from Accept: " + e.err.Error() }
func (e *spoiledError) Unwrap() error { return e.err }

// EndsAccept implements Listener. An Accept of another package may go on for any time.
func (l foreignListener) EndsAccept() bool { return l.own }

// SetUp implements Listener.
func (l foreignListener) SetUp(func(fd int) error) error { return nil }

// File implements Listener.
func (l foreignListener) File() (*os.File, error) {
	return nil, fmt.Errorf("framerail: the descriptor of a %T: %w", l.Listener, errors.ErrUnsupported)
}
