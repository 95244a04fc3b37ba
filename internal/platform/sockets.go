package platform

import (
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

	// Take takes a net.Conn over for a loop, and takes a result of Lend back. If it shows a descriptor
	// that the system can use, Take duplicates that and closes the net.Conn. Otherwise the net.Conn is
	// relayed. If Take fails the net.Conn is the caller's.
	Take(nc net.Conn) (Accepted, error)
	// Relay has goroutines carry the bytes of a net.Conn, with whatever its type does to them. bottom is
	// the connection below TLS and wrappers.
	Relay(nc, bottom net.Conn) Accepted
	// Lend makes a net.Conn for a connection that the loop then closes. Closing both closes it.
	Lend(fd int) (net.Conn, error)
	// IsLent reports whether a net.Conn is a result of Lend that only Take knows how to move.
	IsLent(nc net.Conn) bool

	// WriteNow writes the bytes that the socket of a net.Conn takes without waiting.
	WriteNow(nc net.Conn, b []byte) (int, error)
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

// Carried has begin called if goroutines carry the connection's bytes, and end once they do no more.
func (a Accepted) Carried(begin, end func()) {
	if r, ok := a.Below.(transport.Relayed); ok {
		begin()
		r.OnEnd(end)
	}
}
