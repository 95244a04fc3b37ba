package server

import (
	"errors"
	"net"
	"syscall"
	"testing"
)

// A connection that another package's Accept returns broken costs that connection only. Serve goes on.
func TestServe_ABrokenConnectionCostsItselfOnly(t *testing.T) {
	for name, wrap := range map[string]func(net.Conn) net.Conn{
		"closed":                      func(nc net.Conn) net.Conn { nc.Close(); return nc },
		"no connection":               func(nc net.Conn) net.Conn { nc.Close(); return nil },
		"a nil connection":            func(nc net.Conn) net.Conn { nc.Close(); return (*net.TCPConn)(nil) },
		"a nil connection of its own": func(nc net.Conn) net.Conn { nc.Close(); return (*ownConn)(nil) },
		"no descriptor to show":       func(nc net.Conn) net.Conn { return &ownConn{Conn: nc} },
		"closed, relayed":             func(nc net.Conn) net.Conn { nc.Close(); return &ownConn{Conn: nc} },
		"no address":                  func(nc net.Conn) net.Conn { return &ownConn{Conn: nc, nowhere: true} },
		"a nil address":               func(nc net.Conn) net.Conn { return &ownConn{Conn: nc, addr: (*net.TCPAddr)(nil), nowhere: true} },
		"a nil address of its own":    func(nc net.Conn) net.Conn { return &ownConn{Conn: nc, addr: (*ownAddr)(nil), nowhere: true} },
	} {
		t.Run(name, func(t *testing.T) {
			s := &Server{OnMessage: echo}
			prepare(s)
			first := true
			ln := &counting{TCPListener: listenLocal(t).(*net.TCPListener), wrap: func(nc net.Conn) net.Conn {
				if !first {
					return nc
				}
				first = false
				return wrap(nc)
			}}
			served := make(chan error, 1)
			go func() { served <- s.Serve(ln) }()
			eventually(t, "the listener", func() bool { return s.ListenAddr() != nil })
			broken, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer broken.Close()
			p := dial(t, s)
			p.alive()
			p.Close()
			broken.Close()
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if err := receive(t, served); err != ErrServerClosed {
				t.Errorf("Serve: %v, want ErrServerClosed", err)
			}
			expectNothingHeld(t, s)
		})
	}
}

// ownConn is a connection of another package's, with a descriptor that it does not show.
type ownConn struct {
	net.Conn
	nowhere bool
	addr    net.Addr
}

func (c *ownConn) SyscallConn() (syscall.RawConn, error) { return nil, errors.ErrUnsupported }

func (c *ownConn) RemoteAddr() net.Addr {
	if c.nowhere {
		return c.addr
	}
	return c.Conn.RemoteAddr()
}

func (c *ownConn) LocalAddr() net.Addr { return c.RemoteAddr() }

// ownAddr is an address that can be nothing else than there.
type ownAddr struct{ name string }

func (a *ownAddr) Network() string { return a.name }
func (a *ownAddr) String() string  { return a.name }
