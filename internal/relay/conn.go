package relay

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"reflect"
	"sync"
	"time"

	"github.com/framerail/framerail/internal/buffer"
	"github.com/framerail/framerail/internal/transport"
	"github.com/framerail/framerail/poller"
)

// Conn is the transport of a net.Conn, for an event loop. It implements the methods of a transport as a socket
// does: none blocks.
type Conn struct {
	nc     net.Conn
	bottom net.Conn // below TLS and below wrappers: nc itself if there are none
	// read and write are readIn and writeOut, made once and not for each message.
	read, write func()

	mu     sync.Mutex
	pool   *buffer.Pool // lends what is beyond the buffer for waiting
	number int          // 0: none, because the loop has closed
	ended  func()       // called when no goroutine carries bytes any more, or none is waited for; nil for none
	input
	output
	watch
	lent *Lent // nil, unless other code has the connection
	// closing: the loop has closed. gone: nc is closed, or is being closed. closed: its Close has returned.
	closing, gone, closed bool
	patience              time.Duration // for what is not sent when the loop has closed
	alarm                 *time.Timer   // for a net.Conn that does not return; nil for none
}

var (
	_ transport.Cutter  = (*Conn)(nil)
	_ transport.Peered  = (*Conn)(nil)
	_ transport.Relayed = (*Conn)(nil)
	_ transport.Limiter = (*Conn)(nil)
	_ buffer.Borrower   = (*Conn)(nil)
)

const (
	// waitSize is the size of the buffer with which a Conn waits: enough for most messages of clients.
	waitSize = 512
	// readSize is how many bytes are read at once while the other end sends more than that.
	readSize = 16 << 10
	// writeSize is how many bytes of the loop's may wait to be written, and how many more are being written.
	writeSize = 16 << 10
	// lingerTimeout is how long what was sent before Close has to leave.
	lingerTimeout = 2 * time.Second
	// lateTimeout is how long a Write may go on after its deadline. Then the net.Conn is closed.
	lateTimeout = time.Second
	// closeTimeout is how long the Close of a net.Conn may take, with a Read and a Write that it is to end. Then nobody waits for
	// them any more. crypto/tls waits for 5 seconds if the peer does not read.
	closeTimeout = 10 * time.Second
)

// unowned lends to Conns that no loop has yet.
var unowned buffer.Pool

// New makes a Conn over nc, which belongs to the Conn from then on. Nothing is read before a poller watches
// it. bottom is the connection below TLS and below wrappers, if it is known, or else nc. Deadlines that were set
// before are cleared: the loop has its own.
func New(nc, bottom net.Conn) *Conn {
	c := &Conn{nc: nc, bottom: bottom, pool: &unowned}
	_ = nc.SetDeadline(time.Time{})
	c.read, c.write = c.readIn, c.writeOut
	c.number = enter(c)
	return c
}

// Number is the number by which pollers know the Conn.
func (c *Conn) Number() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.number
}

// SetPool implements buffer.Borrower. The pool is that of the loop, whose budget counts what it lends. What the Conn has
// moves there: a buffer for long reads may wait for its peer as long as the connection is open.
func (c *Conn) SetPool(pool *buffer.Pool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pool = pool
	for _, b := range c.buffers() {
		if b != nil {
			b.Move(pool)
		}
	}
}

// Lent implements buffer.Borrower: the buffer for long reads, that of bytes which wait to be written, and that of bytes
// which are being written.
func (c *Conn) Lent() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.buffers() {
		if b != nil {
			n += cap(b.B)
		}
	}
	return n
}

// buffers are those of a pool that the Conn has; nil for one that it has not. mu is held.
func (c *Conn) buffers() [3]*buffer.Buffer { return [...]*buffer.Buffer{c.large, c.out, c.leaving} }

// OnEnd implements transport.Relayed.
func (c *Conn) OnEnd(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = f
}

// end calls what OnEnd has set, once. mu is held, and is not while f runs.
func (c *Conn) end() {
	if f := c.ended; f != nil {
		c.ended = nil
		c.mu.Unlock()
		f()
		c.mu.Lock()
	}
}

// NetConn is the net.Conn whose bytes the Conn carries.
func (c *Conn) NetConn() net.Conn { return c.nc }

// TCP is the TCP connection at the bottom; nil if there is none.
func (c *Conn) TCP() *net.TCPConn {
	t, _ := c.bottom.(*net.TCPConn)
	return t
}

// IsUnix reports whether the connection is a unix socket.
func (c *Conn) IsUnix() bool {
	a := c.bottom.LocalAddr()
	return !IsNil(a) && a.Network() == "unix"
}

// LocalAddr implements transport.Transport.
func (c *Conn) LocalAddr() netip.AddrPort { return AddrPort(c.nc.LocalAddr()) }

// PeerAddr implements transport.Peered.
func (c *Conn) PeerAddr() netip.AddrPort { return AddrPort(c.bottom.RemoteAddr()) }

// AddrPort converts an address of package net; zero if it is no IP address.
func AddrPort(addr net.Addr) netip.AddrPort {
	var a netip.AddrPort
	switch addr := addr.(type) {
	case *net.TCPAddr:
		a = addr.AddrPort()
	default:
		if !IsNil(addr) {
			a, _ = netip.ParseAddrPort(addr.String())
		}
	}
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// IsNil reports whether there is nothing in a value of an interface's type: no value, or a nil pointer, as
// a function returns by mistake that has a variable of a pointer's type.
func IsNil(v any) bool {
	if v == nil {
		return true
	}
	p := reflect.ValueOf(v)
	return p.Kind() == reflect.Pointer && p.IsNil()
}

// secured is a connection over TLS, such as a *tls.Conn.
type secured interface{ ConnectionState() tls.ConnectionState }

// ConnectionState is that of the TLS in the net.Conn, for conn.Conn.TLS.
func (c *Conn) ConnectionState() (state tls.ConnectionState, ok bool) {
	if c, ok := c.nc.(secured); ok {
		return c.ConnectionState(), true
	}
	return state, false
}

// cause is the error of a transport for one of the net.Conn.
func (c *Conn) cause(err error) error {
	if _, ok := c.nc.(secured); ok && errors.Is(err, io.ErrUnexpectedEOF) {
		return transport.ErrTruncated
	}
	if op, ok := err.(*net.OpError); ok && op.Err != nil {
		return op.Err // the session adds the rest
	}
	return err
}

// readiness is what the Conn is ready for. mu is held.
func (c *Conn) readiness() (r poller.Interest) {
	if c.from < len(c.in) || c.readErr != nil || c.writeErr != nil {
		r |= poller.Read
	}
	if c.out == nil || len(c.out.B) < c.room() || c.writeErr != nil {
		r |= poller.Write
	}
	return r
}
