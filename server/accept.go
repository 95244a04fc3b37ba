package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/framerail/framerail/internal/loop"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/secure"
	"github.com/framerail/framerail/internal/session"
	"github.com/framerail/framerail/internal/transport"
)

// ErrNoDescriptor is what Serve fails with when its listener gives connections that
// are no sockets, such as those of crypto/tls: an event loop cannot wait for them.
var ErrNoDescriptor = platform.ErrNoDescriptor

// arrival is a connection on its way from an acceptor to its loop.
type arrival struct {
	fd       int
	remote   netip.AddrPort
	unix     bool                // over a unix socket
	below    transport.Transport // nil: the socket of fd
	tls      *tls.Config         // nil: no TLS
	standing standing
	secured  *secure.Transport // TLS that is established; nil: none
	upgraded *session.Opening  // what net/http's handshake has left; nil: one is to come
}

// close ends a connection that was given to no loop.
func (a arrival) close() {
	_ = a.accepted().Close()
}

// accepted is what the platform has accepted.
func (a arrival) accepted() platform.Accepted {
	return platform.Accepted{FD: a.fd, Remote: a.remote, Below: a.below}
}

// transport is that of the connection once a loop has it: k, where it is a socket, and TLS
// over it that is established.
func (a arrival) transport(k *platform.Socket, l *loop.Loop) transport.Transport {
	below := a.accepted().Transport(k)
	if a.secured != nil {
		a.secured.Attach(below, l.Buffers())
		below = a.secured
	}
	return below
}

// acceptor accepts from one listener, on a goroutine.
type acceptor struct {
	srv  *Server
	run  *running
	ln   net.Listener
	from platform.Listener // ln, as its platform accepts from it
	tls  *tls.Config       // nil: its connections are plain
	unix bool              // its sockets are

	pause  time.Duration // the last back-off; 0 when accepting works
	logged time.Time     // when the last back-off was logged
	done   chan struct{} // closed when serve has returned
}

// listen listens on Addr, by default on the port of a scheme: once for each scheme.
func (s *Server) listen(scheme string) (net.Listener, error) {
	if err := s.mayServe(platform.Real{}); err != nil {
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
	on := platform.Of(ln)
	err := s.mayServe(on)
	if err == nil {
		a.from, err = on.Sockets().Listen(ln)
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
		run, err := s.start(platform.Of(a.ln))
		if err != nil {
			return err
		}
		s.run = run
	}
	err := a.from.SetUp(func(fd int) error { return s.run.tcp.setUp(s.run.kernel.Sockets(), fd) })
	if err != nil {
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

// close ends serve; once it returns the address is free again. From any goroutine,
// and more than once.
func (a *acceptor) close() {
	if a.from == nil {
		_ = a.ln.Close()
		return
	}
	_ = a.from.Close()
}

// stop ends serve and waits until it holds no descriptor, but not for the Accept of
// another package, which may go on for as long as it likes.
func (a *acceptor) stop() {
	a.close()
	if a.from.EndsAccept() {
		<-a.done
	}
}

// serve accepts until the listener is closed.
func (a *acceptor) serve() error {
	defer close(a.done)
	defer a.srv.leave(a)
	defer a.close()
	for {
		got, err := a.from.Accept()
		if err == nil {
			a.pause = 0
			if got.Remote.IsValid() {
				a.run.tcp.apply(a.run.kernel.Sockets(), got.FD)
			}
			// The loops are stopped after this has ended.
			a.run.letIn(arrival{fd: got.FD, remote: got.Remote, below: got.Below, tls: a.tls, unix: a.unix})
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
	switch platform.VerdictOf(err) {
	case platform.Fatal:
		return true
	case platform.Pause:
		if now := a.run.kernel.Now(); now.Sub(a.logged) >= pauseLogEvery {
			a.logged = now
			a.run.logger.Error("framerail: cannot accept connections for now", "error", err)
		}
		a.pause = min(max(2*a.pause, pauseMin), pauseMax)
		a.run.kernel.Await(a.run.stopping, nil, a.run.kernel.Now().Add(a.pause))
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
