package platform

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/framerail/framerail/internal/transport"
)

// Sockets are a platform's calls on sockets. A descriptor is the number by which the
// platform's pollers know a socket. All methods are safe from any goroutine.
//
// The traffic of an open connection does not pass through here: each has a
// [transport.Transport], which is a Socket or comes with the Accepted.
type Sockets interface {
	Options

	// Listen takes a listener over to accept from it. It does not close ln if it fails.
	Listen(ln net.Listener) (Listener, error)
	// Limit is how many descriptors the process may have; false if that is not known.
	Limit() (n int, ok bool)

	// Take gives the socket of a net.Conn a second descriptor, which is the caller's. The
	// net.Conn is to be closed afterwards.
	Take(nc net.Conn) (fd int, err error)
	// Lend gives the socket of a descriptor to a net.Conn, which has a descriptor of its own.
	Lend(fd int) (net.Conn, error)
	// Pair makes two sockets that are connected with each other: a descriptor for a loop
	// and the other end for a goroutine.
	Pair() (fd int, far Far, err error)

	// WriteNow writes what the socket of a net.Conn takes without waiting.
	WriteNow(nc net.Conn, b []byte) (int, error)
	// Abandon is for before a net.Conn is closed: the system is to give up what the peer
	// has not taken once the peer has taken nothing for that long. 0: at once, with a reset.
	Abandon(nc net.Conn, patience time.Duration)
}

// Options set the options of TCP on a descriptor.
type Options interface {
	SetNoDelay(fd int, on bool) error
	SetKeepAlive(fd int, k net.KeepAliveConfig) error
	SetUserTimeout(fd int, d time.Duration) error
	SetReceiveBuffer(fd int, bytes int) error
	SetSendBuffer(fd int, bytes int) error
	SetDeferAccept(fd int, d time.Duration) error
}

// Listener accepts the connections of one net.Listener for a server.
type Listener interface {
	// Accept waits for the next connection. From one goroutine at a time.
	Accept() (Accepted, error)
	// Close closes the net.Listener; once it returns the address is free again. It may be
	// called more than once.
	Close() error
	// EndsAccept tells whether Close has an Accept return that is waiting.
	EndsAccept() bool
	// SetUp calls f with the descriptor of a TCP listener, and not for any other.
	SetUp(f func(fd int) error) error
	// File is a duplicate of the listener's socket for another process. It fails with an
	// error that matches errors.ErrUnsupported if there is none. The path of a unix socket
	// then stays when the listener is closed.
	File() (*os.File, error)
}

// Accepted is a connection that a Listener has accepted, or that was taken from a
// net.Conn.
type Accepted struct {
	FD     int                 // by which pollers know it
	Remote netip.AddrPort      // of the peer; zero if it has none of IP
	Below  transport.Transport // nil: a Socket is to be made of FD
}

// Transport is the connection's transport: k, where it is a Socket.
func (a Accepted) Transport(k *Socket) transport.Transport {
	if a.Below != nil {
		return a.Below
	}
	k.fd = int32(a.FD)
	return k
}

// Close ends a connection that has no Transport yet.
func (a Accepted) Close() error {
	var k Socket
	return a.Transport(&k).Close()
}

// Gone tells whether the peer of a connection from which nothing was read yet has closed
// it.
func (a Accepted) Gone() bool {
	var k Socket
	t, ok := a.Transport(&k).(interface{ Gone() bool })
	return ok && t.Gone()
}

// Far is the other end of a pair of sockets.
type Far interface {
	io.WriteCloser
	// ReadNow reads what is there; it fails with transport.ErrWouldBlock if that is
	// nothing. From one goroutine at a time.
	ReadNow(b []byte) (int, error)
	// CloseWrite ends the sending direction.
	CloseWrite() error
}

// ErrNoDescriptor is what Accept fails with if the connection is not a socket.
var ErrNoDescriptor = errors.New("framerail: connection has no descriptor for the event loop")
