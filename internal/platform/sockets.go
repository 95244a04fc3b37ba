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

	// Take duplicates the descriptor of a net.Conn's socket for the caller. Close the net.Conn
	// afterwards.
	Take(nc net.Conn) (fd int, err error)
	// Lend makes a net.Conn for the socket of a descriptor, with a descriptor of its own.
	Lend(fd int) (net.Conn, error)
	// Pair makes two sockets that are connected with each other: a descriptor for a loop, and the
	// other end for a goroutine.
	Pair() (fd int, far Far, err error)

	// WriteNow writes the bytes that the socket of a net.Conn takes without waiting.
	WriteNow(nc net.Conn, b []byte) (int, error)
	// DiscardAfter sets what happens to unsent bytes after a net.Conn is closed. The system discards them
	// once the peer has taken none for that long. 0: at once, with a reset. Call it before Close.
	DiscardAfter(nc net.Conn, patience time.Duration)
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
	// EndsAccept reports whether Close ends an Accept that is waiting.
	EndsAccept() bool
	// SetUp calls f with the descriptor of a TCP listener, and not for any other.
	SetUp(f func(fd int) error) error
	// File is a duplicate of the listener's socket for another process. It fails with an
	// error that matches errors.ErrUnsupported if there is none. The path of a unix socket
	// then stays when the listener is closed.
	File() (*os.File, error)
}

// Accepted is a connection that a Listener has accepted, or that was taken from a net.Conn.
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

// Gone reports whether the peer has closed the connection. Nothing must have been read from it.
func (a Accepted) Gone() bool {
	var k Socket
	t, ok := a.Transport(&k).(interface{ Gone() bool })
	return ok && t.Gone()
}

// Far is the other end of a pair of sockets.
type Far interface {
	io.WriteCloser
	// ReadNow reads bytes that have arrived. It fails with transport.ErrWouldBlock if there are
	// none. From one goroutine at a time.
	ReadNow(b []byte) (int, error)
	// CloseWrite ends the sending direction.
	CloseWrite() error
}

// ErrNoDescriptor is the error of Accept for a connection that is no socket.
var ErrNoDescriptor = errors.New("framerail: connection has no descriptor for the event loop")
