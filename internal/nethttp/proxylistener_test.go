package nethttp

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"
)

// A header of version 1, and the client that it tells.
const (
	announced     = "PROXY TCP4 192.0.2.1 192.0.2.2 56789 80\r\n"
	announcedFrom = "192.0.2.1:56789"
)

// The time for the header is no limit for what comes behind it.
func TestProxyListener_DeadlineIsForTheHeaderAlone(t *testing.T) {
	here, there := net.Pipe()
	defer there.Close()
	c := &proxied{Conn: here, patience: time.Hour}
	defer c.Close()
	go func() { _, _ = io.WriteString(there, announced+"x") }()
	_ = c.SetReadDeadline(time.Unix(1, 0)) // waits for the header
	if c.RemoteAddr().String() != announcedFrom {
		t.Errorf("the client is at %v", c.RemoteAddr())
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the program's deadline does not hold")
	}
	_ = c.SetDeadline(time.Time{})
	b := make([]byte, 1)
	if _, err := c.Read(b); err != nil || b[0] != 'x' {
		t.Errorf("got %q, %v", b, err)
	}
}

// lateConn is a connection of a process that was stopped: its deadline has passed before
// anybody has read what came.
type lateConn struct {
	net.Conn
	late bool
}

func (c *lateConn) Read(b []byte) (int, error) {
	if c.late {
		c.late = false
		return 0, os.ErrDeadlineExceeded
	}
	return c.Conn.Read(b)
}

func TestProxyListener_AHeaderThatHasComeIsRead(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	go func() { _, _ = io.WriteString(far, announced+"hello") }()
	c := &proxied{Conn: &lateConn{near, true}, patience: time.Minute}
	if got := c.RemoteAddr().String(); got != announcedFrom {
		t.Errorf("the client is %v", got)
	}
	b := make([]byte, 5)
	if _, err := io.ReadFull(c, b); err != nil || string(b) != "hello" {
		t.Errorf("got %q, %v", b, err)
	}

	near, far = net.Pipe()
	defer far.Close()
	c = &proxied{Conn: &lateConn{near, true}, patience: time.Minute}
	if _, err := c.Read(b); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("of a client that says nothing: %v", err)
	}
}

// A connection may have no address. Then it is none of a proxy's.
func TestProxyListener_ConnectionWithoutAnAddress(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	defer near.Close()
	for _, none := range []net.Addr{nil, (*net.TCPAddr)(nil), (*net.UnixAddr)(nil)} {
		ln := ProxyListener(single{nc: atNoAddress{near, none}}, func(addr netip.Addr, unix bool) bool { return addr.IsValid() || unix }, time.Hour)
		nc, err := ln.Accept()
		if _, ok := nc.(atNoAddress); !ok || err != nil {
			t.Errorf("%#v: %T, %v", none, nc, err)
		}
	}
}

// single is a listener that always accepts the same connection.
type single struct {
	net.Listener
	nc net.Conn
}

func (l single) Accept() (net.Conn, error) { return l.nc, nil }

// atNoAddress is a connection without addresses.
type atNoAddress struct {
	net.Conn
	addr net.Addr
}

func (c atNoAddress) LocalAddr() net.Addr  { return c.addr }
func (c atNoAddress) RemoteAddr() net.Addr { return c.addr }
