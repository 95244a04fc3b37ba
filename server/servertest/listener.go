package servertest

import (
	"net"
	"net/netip"
	"os"
	"syscall"

	"github.com/framerail/framerail/internal/kernel"
	"github.com/framerail/framerail/internal/transport"
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

var _ kernel.Listener = (*listener)(nil)

func (l *listener) Kernel() kernel.Kernel { return (*machine)(l.sim) }
func (l *listener) Addr() net.Addr        { return net.TCPAddrFromAddrPort(serverAddr) }

func (l *listener) Accept() (net.Conn, error) {
	s := l.sim
	s.mu.Lock()
	l.used = true
	s.mu.Unlock()
	s.wait(waiting{ready: func() bool { return l.closed || len(l.backlog) > 0 }})
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.closed {
		return nil, net.ErrClosed
	}
	if s.happens(s.Faults.Accepts) {
		return nil, l.fail()
	}
	k := l.backlog[0]
	l.backlog = l.backlog[1:]
	k.open()
	s.note(actAccept, k.id, k.fd)
	return accepted{socket: k}, nil
}

// fail is an error that accepting may come to.
func (l *listener) fail() error {
	errno := [...]syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ECONNABORTED, syscall.EPROTO, syscall.EAGAIN}
	e := errno[l.sim.rnd.IntN(len(errno))]
	l.sim.note(actAcceptFails, int(e), 0)
	return os.NewSyscallError("accept4", e)
}

// Close resets those who wait to be accepted, as a kernel does.
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

// accepted is a connection on its way from the listener to its loop.
type accepted struct {
	net.Conn
	socket *socket
}

var _ kernel.Conn = accepted{}

// Socket implements kernel.Conn.
func (a accepted) Socket() (fd int, t transport.Transport, remote netip.AddrPort) {
	return a.socket.fd, a.socket, a.socket.remote
}
