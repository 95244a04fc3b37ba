package server

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/framerail/framerail/internal/socket"
)

// arrival is a connection on its way from an acceptor to its loop.
type arrival struct {
	fd     int
	remote netip.AddrPort
}

// acceptor accepts from one listener, on a goroutine that waits in Go's netpoller.
type acceptor struct {
	srv *Server
	run *running
	ln  net.Listener

	// file is ln's socket under a descriptor of the acceptor's own, since package
	// net lets nobody else wait on its; nil for a listener without one.
	file *os.File
	raw  syscall.RawConn // of file

	// take is (*acceptor).tryAccept, bound once; it leaves its result here.
	take func(fd uintptr) bool
	got  arrival
	err  error

	pause time.Duration // the last back-off; 0 when accepting works
}

func (s *Server) listen() (net.Listener, error) {
	network, addr := "tcp", s.Addr
	if path, ok := cutUnix(addr); ok {
		network, addr = "unix", path
	} else if addr == "" {
		addr = ":80"
	}
	return net.Listen(network, addr)
}

func cutUnix(addr string) (path string, ok bool) {
	const prefix = "unix:"
	if len(addr) > len(prefix) && addr[:len(prefix)] == prefix {
		return addr[len(prefix):], true
	}
	return "", false
}

// newAcceptor enters a listener, and starts the loops if it is the first.
func (s *Server) newAcceptor(ln net.Listener) (*acceptor, error) {
	a := &acceptor{srv: s, ln: ln}
	a.take = a.tryAccept
	if err := a.open(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil, errors.Join(ErrServerClosed, a.closeFile())
	}
	if s.run == nil {
		run, err := s.start()
		if err != nil {
			return nil, errors.Join(err, a.closeFile())
		}
		s.run, s.acceptors, s.addr = run, make(map[*acceptor]struct{}), ln.Addr()
	}
	a.run = s.run
	s.acceptors[a] = struct{}{}
	return a, nil
}

// open takes a descriptor of the listener's socket, if it has one.
func (a *acceptor) open() error {
	l, ok := a.ln.(syscall.Conn)
	if !ok {
		return nil
	}
	fd, err := socket.Take(l)
	if err != nil {
		return err
	}
	a.file = os.NewFile(uintptr(fd), "listener")
	if a.raw, err = a.file.SyscallConn(); err != nil {
		return errors.Join(err, a.file.Close())
	}
	return nil
}

func (a *acceptor) closeFile() error {
	if a.file == nil {
		return nil
	}
	return a.file.Close()
}

// close ends serve. From any goroutine, and more than once.
func (a *acceptor) close() {
	_ = a.ln.Close()
	_ = a.closeFile()
}

// serve accepts until the listener is closed.
func (a *acceptor) serve() error {
	defer a.close()
	for {
		err := a.accept()
		if a.isStopped() {
			if err == nil {
				_ = socket.Close(a.got.fd)
			}
			return ErrServerClosed
		}
		switch {
		case err == nil:
			a.pause = 0
			a.run.leastLoaded().deliver(a.got)
		case errors.Is(err, net.ErrClosed), errors.Is(err, os.ErrClosed):
			return fmt.Errorf("framerail: accept: %w", err)
		default:
			if fatal := a.failed(err); fatal {
				return fmt.Errorf("framerail: accept: %w", err)
			}
		}
	}
}

// failed backs off after a failure that may pass. Live connections go on; new ones
// wait in the kernel.
func (a *acceptor) failed(err error) (fatal bool) {
	switch socket.ClassifyAccept(err) {
	case socket.AcceptFatal:
		return true
	case socket.AcceptPause:
		if a.pause == 0 {
			a.run.logger.Error("framerail: cannot accept connections for now", "error", err)
		}
		a.pause = min(max(2*a.pause, pauseMin), pauseMax)
		select {
		case <-a.run.stopping:
		case <-time.After(a.pause):
		}
	}
	return false
}

func (a *acceptor) isStopped() bool {
	select {
	case <-a.run.stopping:
		return true
	default:
		return false
	}
}

// accept waits for the next connection and leaves it in a.got.
func (a *acceptor) accept() error {
	if a.raw == nil {
		return a.acceptConn()
	}
	if err := a.raw.Read(a.take); err != nil {
		return err
	}
	if a.err == nil {
		_ = socket.SetNoDelay(a.got.fd, true) // frames of a turn leave together already
	}
	return a.err
}

// tryAccept accepts once; it returns false if nobody is waiting.
func (a *acceptor) tryAccept(fd uintptr) bool {
	a.got.fd, a.got.remote, a.err = socket.Accept(int(fd))
	return socket.ClassifyAccept(a.err) != socket.AcceptWait
}

// acceptConn accepts from a listener of another kind, whose connections must have
// descriptors.
func (a *acceptor) acceptConn() error {
	nc, err := a.ln.Accept()
	if err != nil {
		return err
	}
	defer nc.Close()
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return fmt.Errorf("%w: %T", errNoDescriptor, nc)
	}
	fd, err := socket.Take(sc)
	if err != nil {
		return err
	}
	a.got = arrival{fd: fd, remote: socket.RemoteAddr(fd)}
	_ = socket.SetNoDelay(fd, true)
	return nil
}

var errNoDescriptor = errors.New("framerail: connection has no descriptor for the event loop")
