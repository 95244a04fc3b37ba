package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/kernel"
	"github.com/framerail/framerail/internal/secure"
	"github.com/framerail/framerail/internal/socket"
	"github.com/framerail/framerail/internal/transport"
)

// ErrNoDescriptor is what Serve fails with when its listener gives connections that
// are no sockets, such as those of crypto/tls: an event loop cannot wait for them.
var ErrNoDescriptor = errors.New("framerail: connection has no descriptor for the event loop")

// arrival is a connection on its way from an acceptor to its loop.
type arrival struct {
	fd       int
	remote   netip.AddrPort
	unix     bool                // over a unix socket
	below    transport.Transport // nil: the socket of fd
	tls      *tls.Config         // nil: no TLS
	standing standing
	secured  *secure.Transport // TLS that is established; nil: none
	upgraded *conn.Opening     // what net/http's handshake has left; nil: one is to come
}

// close ends a connection that was given to no loop.
func (a arrival) close() {
	if a.below != nil {
		_ = a.below.Close()
		return
	}
	_ = socket.Close(a.fd)
}

// transport is that of the connection once a loop has it: k, where it is a socket, and TLS
// over it that is established.
func (a arrival) transport(k *sock, l *conn.Loop) transport.Transport {
	below := a.below
	if below == nil {
		k.fd = int32(a.fd)
		below = k
	}
	if a.secured != nil {
		a.secured.Attach(below, l.Buffers())
		below = a.secured
	}
	return below
}

// acceptor accepts from one listener, on a goroutine that waits in Go's netpoller.
type acceptor struct {
	srv *Server
	run *running
	ln  net.Listener
	tls *tls.Config // nil: its connections are plain

	unix bool // its sockets are

	// file is ln's socket under a descriptor of the acceptor's own, since package
	// net lets nobody else wait on its; nil for a listener of another package.
	file *os.File
	raw  syscall.RawConn // of file

	closing sync.Mutex // guards what ln.Close does: see duplicate

	// take is (*acceptor).tryAccept, bound once; it leaves its result here.
	take func(fd uintptr) bool
	got  arrival
	err  error

	pause  time.Duration // the last back-off; 0 when accepting works
	logged time.Time     // when the last back-off was logged
	done   chan struct{} // closed when serve has returned
}

// listen listens on Addr, by default on the port of a scheme: once for each scheme.
func (s *Server) listen(scheme string) (net.Listener, error) {
	if err := s.mayServe(kernel.Real{}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.listened[scheme]
	if slices.ContainsFunc(s.acceptors, func(a *acceptor) bool { return a.ln == before }) {
		return nil, errListens
	}
	ln, err := s.listenOnAddr(scheme)
	if err == nil {
		if s.listened == nil {
			s.listened = make(map[string]net.Listener)
		}
		s.listened[scheme] = ln
	}
	return ln, err
}

// errListens is what listening on Addr fails with when the server does.
var errListens = errors.New("framerail: the server listens on Addr already: Serve is for several listeners")

func (s *Server) listenOnAddr(scheme string) (net.Listener, error) {
	if path, ok := strings.CutPrefix(s.Addr, "unix:"); ok {
		if path == "" { // Linux would choose a name
			return nil, errors.New("framerail: Addr names no path of a unix socket")
		}
		return net.Listen("unix", path)
	}
	if s.Addr == "" {
		return net.Listen("tcp", ":"+scheme)
	}
	return net.Listen("tcp", s.Addr)
}

// newAcceptor enters a listener, and starts the loops if it is the first. If it
// fails the listener is closed. Without a config its connections are plain.
func (s *Server) newAcceptor(ln net.Listener, config *tls.Config) (*acceptor, error) {
	a := &acceptor{srv: s, ln: ln, tls: config, unix: isUnix(ln.Addr()), done: make(chan struct{})}
	a.take = a.tryAccept
	err := s.mayServe(kernel.Of(ln))
	if err == nil {
		err = a.open()
	}
	if err == nil {
		err = s.enter(a)
	}
	if err != nil {
		a.close()
		return nil, err
	}
	return a, nil
}

// isUnix tells the address of a unix socket.
func isUnix(addr net.Addr) bool { return addr != nil && addr.Network() == "unix" }

// enter gives an acceptor the loops to serve, which it starts if need be.
func (s *Server) enter(a *acceptor) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return ErrServerClosed
	}
	if s.run == nil {
		run, err := s.start(kernel.Of(a.ln))
		if err != nil {
			return err
		}
		s.run = run
	}
	if err := a.setUp(&s.run.tcp); err != nil {
		return err
	}
	if s.addr == nil {
		s.addr = a.ln.Addr()
	}
	a.run = s.run
	s.acceptors = append(s.acceptors, a)
	return nil
}

// leave takes an acceptor out that has ended.
func (s *Server) leave(a *acceptor) {
	s.mu.Lock()
	s.acceptors = slices.DeleteFunc(s.acceptors, func(o *acceptor) bool { return o == a })
	s.mu.Unlock()
}

// open takes a descriptor of the listener's socket. It does so with package net's
// own listeners alone: one of another type that has a descriptor, too, may embed
// them and do more when it accepts.
func (a *acceptor) open() error {
	switch a.ln.(type) {
	case *net.TCPListener, *net.UnixListener:
	default:
		return nil
	}
	fd, err := socket.Take(a.ln.(syscall.Conn))
	if err != nil {
		return err
	}
	a.file = os.NewFile(uintptr(fd), "listener")
	a.raw, err = a.file.SyscallConn()
	return err
}

// setUp sets the options of a TCP listener.
func (a *acceptor) setUp(o *TCP) (err error) {
	if _, ok := a.ln.(*net.TCPListener); !ok {
		return nil
	}
	if failed := a.raw.Control(func(fd uintptr) { err = o.setUp(int(fd)) }); failed != nil {
		return failed
	}
	return err
}

// close ends serve; once it returns the address is free again. From any goroutine,
// and more than once.
func (a *acceptor) close() {
	a.closing.Lock()
	_ = a.ln.Close()
	a.closing.Unlock()
	if a.file != nil {
		_ = a.file.Close() // waits for the accept that is going on, which it ends
	}
}

// stop ends serve and waits until it holds no descriptor, but not for the Accept of
// another package, which may go on for as long as it likes.
func (a *acceptor) stop() {
	a.close()
	if a.file != nil {
		<-a.done
	}
}

// serve accepts until the listener is closed.
func (a *acceptor) serve() error {
	defer close(a.done)
	defer a.srv.leave(a)
	defer a.close()
	for {
		err := a.accept()
		if err == nil {
			a.pause = 0
			a.got.tls, a.got.unix = a.tls, a.unix
			a.run.letIn(a.got) // the loops are stopped after this has ended
		}
		if a.isStopped() {
			return ErrServerClosed
		}
		if err == nil {
			continue
		}
		if fatal := a.failed(err); fatal {
			err = fmt.Errorf("framerail: cannot accept from %v: %w", a.ln.Addr(), err)
			a.run.logger.Error(err.Error())
			return err
		}
	}
}

// failed backs off after a failure that may pass. Live connections go on; new ones
// wait in the kernel.
func (a *acceptor) failed(err error) (fatal bool) {
	verdict := socket.ClassifyAccept(err)
	if temporary(err) {
		verdict = socket.AcceptPause
	}
	switch verdict {
	case socket.AcceptFatal:
		return true
	case socket.AcceptPause:
		if now := a.run.kernel.Now(); now.Sub(a.logged) >= pauseLogEvery {
			a.logged = now
			a.run.logger.Error("framerail: cannot accept connections for now", "error", err)
		}
		a.pause = min(max(2*a.pause, pauseMin), pauseMax)
		a.run.kernel.Await(a.run.stopping, nil, a.run.kernel.Now().Add(a.pause))
	}
	return false
}

// temporary tells whether a listener of another package says that its error will
// pass, in the way that net/http understands.
func temporary(err error) bool {
	var t interface{ Temporary() bool }
	var errno syscall.Errno
	return errors.As(err, &t) && !errors.As(err, &errno) && t.Temporary()
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
	if a.err == nil && a.got.remote.IsValid() {
		a.run.tcp.apply(a.got.fd)
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
	if k, ok := nc.(kernel.Conn); ok {
		fd, below, remote := k.Socket()
		a.got = arrival{fd: fd, remote: remote, below: below}
		return nil
	}
	defer nc.Close()
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return fmt.Errorf("%w: %T", ErrNoDescriptor, nc)
	}
	fd, err := socket.Take(sc)
	if err != nil {
		return err
	}
	a.got = arrival{fd: fd, remote: socket.RemoteAddr(fd)}
	if a.got.remote.IsValid() {
		a.run.tcp.apply(fd)
	}
	return nil
}
