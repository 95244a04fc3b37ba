package servertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/transport"
	"github.com/framerail/framerail/poller"
)

// Transport has a client.Client dial the server of the simulation, as its Transport. All that the client does
// then happens on the machine: its loops, its dials and its clock. Call its methods in a function of [Sim.Go],
// or where a method of Sim may be called. Any URL leads to the server. The contexts of dials are those of
// [Sim.Context], or end when the program cancels them.
func (s *Sim) Transport() http.RoundTripper { return outward{s} }

// outward brings the simulated machine to a client.
type outward struct{ sim *Sim }

var _ platform.Dialer = outward{}

// RoundTrip gets the requests for which the client would need a Transport. Others go by DialContext.
func (outward) RoundTrip(*http.Request) (*http.Response, error) { return nil, errNeedsTransport }

// errNeedsTransport is the error of a request that cannot be made on the machine.
var errNeedsTransport = fmt.Errorf("framerail: a dial on a simulated machine cannot have a trace, more than 16 KiB, or a host that is not ASCII: %w", errors.ErrUnsupported)

func (o outward) Platform() platform.Platform { return (*machine)(o.sim) }

// DialContext connects to the server.
func (o outward) DialContext(ctx context.Context, network, _ string) (net.Conn, error) {
	s := o.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dialled++
	k := &socket{sim: s, id: s.dialled, remote: addressOf(s.dialled)}
	s.note(actDial, k.id, 0)
	l := s.hosts.last().listener
	if l.closed || s.happens(s.Faults.Dials) {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: net.TCPAddrFromAddrPort(serverAddr), Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	out := &outbound{socket: k}
	k.peer = out
	s.sockets = append(s.sockets, k)
	l.backlog = append(l.backlog, k)
	out.fd = s.descriptor(out)
	return &dialledConn{outbound: out, ctx: ctx}, nil
}

// outbound is the client's end of a connection to the server. It implements transport.Transport. Guarded by the
// simulation's mu.
type outbound struct {
	socket *socket
	fd     int
	watch  watch

	landed bytes.Buffer // from the server, and not read yet
	end    error        // what the client sees behind that
	closed bool
}

func (o *outbound) String() string {
	return fmt.Sprintf("the client's end of connection %d (descriptor %d)", o.socket.id, o.fd)
}

func (o *outbound) watching() *watch { return &o.watch }
func (o *outbound) number() int      { return o.socket.id }

func (o *outbound) readiness() (r poller.Interest) {
	if o.end == syscall.ECONNRESET {
		return poller.Read | poller.Write
	}
	if o.landed.Len() > 0 || o.end != nil {
		r |= poller.Read
	}
	if o.socket.flight.Len() < o.socket.sim.buffer() {
		r |= poller.Write
	}
	return r
}

// ended implements peer, as the next three do.
func (o *outbound) ended(err error) {
	if o.end = err; err == syscall.ECONNRESET {
		o.landed.Reset()
	}
	o.watch.stir(o)
}
func (o *outbound) reads() bool   { return o.closed || o.landed.Len() < o.socket.sim.buffer() }
func (o *outbound) hasLeft() bool { return o.closed }
func (o *outbound) take(b []byte) {
	o.landed.Write(b)
	o.watch.stir(o)
}

// Read implements transport.Transport.
func (o *outbound) Read(b []byte) (int, error) {
	s := o.socket.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case misused(s, o, o.closed, "read"):
		return 0, syscall.EBADF
	case o.landed.Len() == 0 && o.end != nil:
		return 0, o.end
	}
	return readFrom(s, &o.landed, b, o.socket.id, 1)
}

// Write implements transport.Transport.
func (o *outbound) Write(bufs [][]byte) (int, error) {
	k, s := o.socket, o.socket.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case misused(s, o, o.closed, "write"):
		return 0, syscall.EBADF
	case k.isReset, k.isClosed, k.upEnd:
		return 0, syscall.EPIPE
	}
	k.stir()
	return writeTo(s, &k.flight, bufs, k.id, 1)
}

// CloseWrite implements transport.Transport.
func (o *outbound) CloseWrite() error {
	s := o.socket.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	if misused(s, o, o.closed, "shutdown") || o.socket.isReset {
		return syscall.ENOTCONN
	}
	o.socket.endUp()
	s.note(actShutdown, o.socket.id, 1)
	return nil
}

// Close implements transport.Transport. With bytes unread it resets the connection, as TCP does.
func (o *outbound) Close() error {
	s := o.socket.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	if misused(s, o, o.closed, "close") {
		return syscall.EBADF
	}
	o.closeLocked()
	return nil
}

func (o *outbound) closeLocked() {
	k, s := o.socket, o.socket.sim
	unwatched(s, o)
	s.note(actClose, k.id, 1)
	s.fds[o.fd] = nil
	o.closed = true
	k.endUp()
	if o.landed.Len() > 0 && !k.isReset {
		k.reset()
	}
	o.landed.Reset()
}

// Cut implements transport.Cutter.
func (o *outbound) Cut(patience time.Duration) error {
	k, s := o.socket, o.socket.sim
	s.mu.Lock()
	if patience == 0 && k.flight.Len() > 0 && !o.closed && !k.isReset {
		s.note(actReset, k.id, 3)
		k.reset()
	}
	s.mu.Unlock()
	return o.Close()
}

// LocalAddr implements transport.Transport, and PeerAddr transport.Peered.
func (o *outbound) LocalAddr() netip.AddrPort { return o.socket.remote }
func (o *outbound) PeerAddr() netip.AddrPort  { return serverAddr }

// dialledConn is the client's end while a dial uses it, which waits where it must.
type dialledConn struct {
	*outbound
	ctx      context.Context // of the dial, which ends all waiting
	deadline time.Time       // for reading
	taken    bool            // a loop has it
}

var _ net.Conn = (*dialledConn)(nil)

// await waits until the end is ready.
func (c *dialledConn) await(i poller.Interest) error {
	until, _ := c.ctx.Deadline()
	if !c.deadline.IsZero() && i == poller.Read && (until.IsZero() || c.deadline.Before(until)) {
		until = c.deadline
	}
	s := c.socket.sim
	s.wait(waiting{ready: func() bool { return c.closed || c.readiness()&i != 0 || c.ctx.Err() != nil }, until: until})
	switch {
	case c.ctx.Err() != nil:
		return c.ctx.Err()
	case !until.IsZero() && !s.Now().Before(until):
		return os.ErrDeadlineExceeded
	}
	return nil
}

func (c *dialledConn) Read(b []byte) (int, error) {
	for {
		if err := c.await(poller.Read); err != nil {
			return 0, err
		}
		if n, err := c.outbound.Read(b); err != transport.ErrWouldBlock {
			if err != nil && err != io.EOF {
				err = &net.OpError{Op: "read", Net: "tcp", Addr: c.RemoteAddr(), Err: err}
			}
			return n, err
		}
	}
}

func (c *dialledConn) Write(b []byte) (n int, err error) {
	for n < len(b) {
		if err := c.await(poller.Write); err != nil {
			return n, err
		}
		m, err := c.outbound.Write([][]byte{b[n:]})
		if n += m; err != nil && err != transport.ErrWouldBlock {
			return n, &net.OpError{Op: "write", Net: "tcp", Addr: c.RemoteAddr(), Err: err}
		}
	}
	return n, nil
}

// Close closes the connection unless a loop has it.
func (c *dialledConn) Close() error {
	s := c.socket.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.taken || c.closed {
		return net.ErrClosed
	}
	c.closeLocked()
	return nil
}

func (c *dialledConn) LocalAddr() net.Addr  { return net.TCPAddrFromAddrPort(c.socket.remote) }
func (c *dialledConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(serverAddr) }

func (c *dialledConn) SetDeadline(t time.Time) error     { return c.SetReadDeadline(t) }
func (c *dialledConn) SetWriteDeadline(time.Time) error  { return nil }
func (c *dialledConn) SetReadDeadline(t time.Time) error { c.deadline = t; return nil }

// IsLent implements platform.Sockets: a dialledConn can move to a loop.
func (simSockets) IsLent(nc net.Conn) bool {
	_, ok := nc.(*dialledConn)
	return ok
}

// Take implements platform.Sockets.
func (simSockets) Take(nc net.Conn) (platform.Accepted, error) {
	c, ok := nc.(*dialledConn)
	if !ok {
		return platform.Accepted{}, errors.ErrUnsupported
	}
	if c.closed || c.taken {
		return platform.Accepted{}, net.ErrClosed
	}
	c.taken = true
	return platform.Accepted{FD: c.fd, Remote: serverAddr, Below: c.outbound}, nil
}
