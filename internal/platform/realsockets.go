package platform

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/framerail/framerail/internal/socket"
)

// realSockets are the sockets of the system that the program runs on.
type realSockets struct{}

var _ Sockets = realSockets{}

func (realSockets) SetNoDelay(fd int, on bool) error { return socket.SetNoDelay(fd, on) }

func (realSockets) SetKeepAlive(fd int, k net.KeepAliveConfig) error {
	return socket.SetKeepAlive(fd, k)
}

func (realSockets) SetUserTimeout(fd int, d time.Duration) error {
	return socket.SetUserTimeout(fd, d)
}

func (realSockets) SetReceiveBuffer(fd int, bytes int) error { return socket.SetRecvBuffer(fd, bytes) }

func (realSockets) SetSendBuffer(fd int, bytes int) error { return socket.SetSendBuffer(fd, bytes) }

func (realSockets) SetDeferAccept(fd int, d time.Duration) error {
	return socket.SetDeferAccept(fd, d)
}

func (realSockets) Limit() (int, bool) { return socket.DescriptorLimit() }

func (realSockets) Take(nc net.Conn) (int, error) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return -1, fmt.Errorf("%w: %T", ErrNoDescriptor, nc)
	}
	return socket.Take(sc)
}

func (realSockets) Lend(fd int) (net.Conn, error) { return socket.Conn(fd) }

func (realSockets) Pair() (int, Far, error) {
	fd, nc, err := socket.Pair()
	if err != nil {
		return -1, nil, err
	}
	raw, err := nc.SyscallConn()
	if err != nil { // it is closed, which it is not
		return -1, nil, errors.Join(err, nc.Close(), socket.Close(fd))
	}
	f := &far{UnixConn: nc, raw: raw}
	f.take = f.takeOnce
	return fd, f, nil
}

// far is the end of a pair that a goroutine has.
type far struct {
	*net.UnixConn
	raw  syscall.RawConn
	take func(fd uintptr) bool // takeOnce, bound once; it reads into buf
	buf  []byte
	n    int
	err  error
}

// ReadNow implements Far.
func (f *far) ReadNow(b []byte) (int, error) {
	f.buf = b
	err := f.raw.Read(f.take)
	f.buf = nil
	if err != nil {
		return 0, err
	}
	return f.n, f.err
}

func (f *far) takeOnce(fd uintptr) bool {
	f.n, f.err = socket.Read(int(fd), f.buf)
	return true
}

func (realSockets) WriteNow(nc net.Conn, b []byte) (n int, err error) {
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

func (realSockets) DiscardAfter(nc net.Conn, patience time.Duration) {
	if sc, ok := nc.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) { socket.DiscardAfter(int(fd), patience) })
		}
	}
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
