package load

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// secure is a client's TLS over its socket, which is blocking at first and does not
// block later: then Read fails with an error that crypto/tls knows to be temporary.
type secure struct {
	*tls.Conn
	fd blocking
}

// secured shakes hands by TLS. Any certificate will do: it is the machine's own.
func secured(fd int) (*secure, error) {
	c := &secure{fd: blocking(fd)}
	c.Conn = tls.Client(secureFD{c}, &tls.Config{InsecureSkipVerify: true})
	if err := c.Handshake(); err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return c, nil
}

// feed reads what there is and passes it on.
func (c *secure) feed(buf []byte, take func([]byte) error) (n int64, err error) {
	for {
		m, err := c.Read(buf)
		n += int64(m)
		if m > 0 {
			if err := take(buf[:m]); err != nil {
				return n, err
			}
		}
		if errors.Is(err, errNotNow) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// secureFD is the net.Conn below.
type secureFD struct{ c *secure }

func (s secureFD) Read(p []byte) (int, error) {
	n, err := s.c.fd.Read(p)
	if err == unix.EAGAIN {
		return 0, errNotNow
	}
	if errors.Is(err, net.ErrClosed) {
		return 0, io.EOF
	}
	return n, err
}

// Write waits until all is written: these clients do not send what servers cannot take.
func (s secureFD) Write(p []byte) (n int, err error) {
	for n < len(p) {
		m, err := s.c.fd.Write(p[n:])
		n += m
		if err == unix.EAGAIN {
			pending := []unix.PollFd{{Fd: int32(s.c.fd), Events: unix.POLLOUT}}
			_, err = unix.Poll(pending, int(stall.Milliseconds()))
		}
		if err != nil && err != unix.EINTR {
			return n, err
		}
	}
	return n, nil
}

func (secureFD) Close() error                     { return nil }
func (secureFD) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (secureFD) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (secureFD) SetDeadline(time.Time) error      { return nil }
func (secureFD) SetReadDeadline(time.Time) error  { return nil }
func (secureFD) SetWriteDeadline(time.Time) error { return nil }

var errNotNow net.Error = notNow{}

type notNow struct{}

func (notNow) Error() string   { return "nothing has come" }
func (notNow) Timeout() bool   { return true }
func (notNow) Temporary() bool { return true }
