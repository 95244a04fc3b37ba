package platform

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/framerail/framerail/internal/relay"
	"github.com/framerail/framerail/internal/socket"
)

// realSockets are the sockets of the system that the program runs on.
type realSockets struct{}

var _ Sockets = realSockets{}

func (realSockets) SetNoDelay(fd int, on bool) error {
	if fd < 0 {
		return relayedTCP(fd, func(t *net.TCPConn) error { return t.SetNoDelay(on) })
	}
	return socket.SetNoDelay(fd, on)
}

func (realSockets) SetKeepAlive(fd int, k net.KeepAliveConfig) error {
	if fd < 0 {
		return relayedTCP(fd, func(t *net.TCPConn) error { return t.SetKeepAliveConfig(k) })
	}
	return socket.SetKeepAlive(fd, k)
}

func (realSockets) SetUserTimeout(fd int, d time.Duration) error {
	if fd < 0 {
		return errors.ErrUnsupported
	}
	return socket.SetUserTimeout(fd, d)
}

func (realSockets) SetReceiveBuffer(fd int, bytes int) error {
	if fd < 0 {
		return relayedTCP(fd, func(t *net.TCPConn) error { return t.SetReadBuffer(bytes) })
	}
	return socket.SetRecvBuffer(fd, bytes)
}

func (realSockets) SetSendBuffer(fd int, bytes int) error {
	if fd < 0 {
		return relayedTCP(fd, func(t *net.TCPConn) error { return t.SetWriteBuffer(bytes) })
	}
	return socket.SetSendBuffer(fd, bytes)
}

// relayedTCP sets an option of a TCP connection that is relayed.
func relayedTCP(number int, set func(*net.TCPConn) error) error {
	if c := relay.At(number); c != nil {
		if t := c.TCP(); t != nil {
			return set(t)
		}
	}
	return errors.ErrUnsupported
}

func (realSockets) SetDeferAccept(fd int, d time.Duration) error {
	return socket.SetDeferAccept(fd, d)
}

func (realSockets) Limit() (int, bool) { return socket.DescriptorLimit() }

func (realSockets) Take(nc net.Conn) (Accepted, error) {
	if l, ok := nc.(*relay.Lent); ok {
		c, err := l.Regain()
		if err != nil {
			return Accepted{}, err
		}
		return relayed(c), nil
	}
	sc, ok := nc.(syscall.Conn)
	if !Native || !ok || !shows(sc) {
		return relayed(relay.New(nc, nc)), nil
	}
	fd, err := socket.Take(sc)
	if err != nil {
		return Accepted{}, err
	}
	_ = nc.Close()
	return Accepted{FD: fd, Remote: socket.RemoteAddr(fd)}, nil
}

// shows reports whether a connection has a descriptor to show. A wrapper with the method may be around one that has none.
func shows(sc syscall.Conn) bool {
	_, err := sc.SyscallConn()
	return err == nil
}

func (realSockets) Relay(nc, bottom net.Conn) Accepted { return relayed(relay.New(nc, bottom)) }

// AddrPort converts an address of package net; zero if there is none, or none of IP.
func AddrPort(addr net.Addr) netip.AddrPort { return relay.AddrPort(addr) }

// IsNil reports whether there is nothing in a value of an interface's type: no value, or a nil pointer.
func IsNil(v any) bool { return relay.IsNil(v) }

// relayed is a connection whose bytes goroutines carry.
func relayed(c *relay.Conn) Accepted {
	return Accepted{FD: c.Number(), Remote: c.PeerAddr(), Below: c}
}

func (realSockets) Lend(fd int) (net.Conn, error) {
	if c := relay.At(fd); c != nil {
		return c.Lend(), nil
	}
	return socket.Conn(fd)
}

func (realSockets) IsLent(nc net.Conn) bool {
	_, ok := nc.(*relay.Lent)
	return ok
}

func (realSockets) WriteNow(nc net.Conn, b []byte) (n int, err error) {
	if l, ok := nc.(*relay.Lent); ok {
		return l.WriteNow(b)
	}
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return 0, net.ErrClosed
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0, err
	}
	failed := raw.Write(func(fd uintptr) bool {
		n, err = socket.Write(int(fd), b)
		return true
	})
	return n, errors.Join(err, failed)
}

// ListenReusePort listens on a TCP address on which other sockets may listen, too
// (SO_REUSEPORT).
func ListenReusePort(address string) (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) (err error) {
		if failed := c.Control(func(fd uintptr) { err = socket.SetReusePort(int(fd)) }); failed != nil {
			return failed
		}
		return err
	}}
	return config.Listen(context.Background(), "tcp", address)
}

// Inherited is the listener of a descriptor that the process was started with. It closes
// the descriptor, unless that does not listen: then it may be anybody's.
func Inherited(fd int) (net.Listener, error) {
	if err := socket.Listening(fd); err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "listener")
	defer f.Close() // the listener has one of its own
	return net.FileListener(f)
}
