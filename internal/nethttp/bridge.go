package nethttp

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/secure"
	"github.com/framerail/framerail/internal/transport"
)

// Bridge is the transport of a connection that cannot move to a loop, such as a *tls.Conn of an http.Server.
// It is one end of a pair of sockets. A goroutine carries bytes from the connection to the other end. A
// second goroutine carries the loop's bytes back, and lives while there are any. So the loop has a
// descriptor to wait for. A peer that does not read fills the pair, as over any socket.
type Bridge struct {
	platform.Socket
	nc    net.Conn
	far   platform.Far // the other end
	local netip.AddrPort
	peer  netip.AddrPort
	ended chan struct{}         // closed when nothing comes any more
	why   atomic.Pointer[error] // what nc failed with
	done  func()                // called when all is closed
	carry func()                // carryOut: made once, and not for each message
	// discardAfter is for before nc is closed.
	discardAfter func(nc net.Conn, patience time.Duration)

	mu       sync.Mutex
	patience time.Duration // guarded by mu: for what the system has not sent when nc is closed
	carrying bool          // guarded by mu: carryOut runs, or has run to the end
	closed   bool          // guarded by mu: the loop has closed
}

// newBridge makes a bridge to nc. nc is closed some time after the bridge.
func (h *Host) newBridge(nc net.Conn) (*Bridge, error) {
	sockets := h.Platform.Sockets()
	fd, far, err := sockets.Pair()
	if err != nil {
		return nil, err
	}
	b := &Bridge{Socket: platform.NewSocket(fd), nc: nc, far: far, ended: make(chan struct{}),
		patience: lingerTimeout, done: h.End, discardAfter: sockets.DiscardAfter}
	b.local, b.peer = AddrPort(nc.LocalAddr()), AddrPort(bottom(nc).RemoteAddr())
	b.carry = b.carryOut
	h.Begin()
	go b.carryIn()
	return b, nil
}

// bridgeBuffers lend buffers to bridges that carry bytes.
var bridgeBuffers = sync.Pool{New: func() any { return new([bridgeBuffer]byte) }}

// carryIn carries bytes from the connection to the loop. It waits with a small buffer, and takes a larger one
// from the pool while that is not enough.
func (b *Bridge) carryIn() {
	defer close(b.ended)
	small := make([]byte, bridgeWait)
	var large *[bridgeBuffer]byte
	for buf := small; ; {
		n, err := b.nc.Read(buf)
		if n > 0 {
			if _, err := b.far.Write(buf[:n]); err != nil {
				break // the loop has closed
			}
		}
		if err != nil {
			b.fail(err)
			break
		}
		switch full := n == len(buf); {
		case full && large == nil:
			large = bridgeBuffers.Get().(*[bridgeBuffer]byte)
			buf = large[:]
		case !full && large != nil:
			bridgeBuffers.Put(large)
			large, buf = nil, small
		}
	}
	if large != nil {
		bridgeBuffers.Put(large)
	}
	_ = b.far.CloseWrite()
}

// sent makes carryOut run, after the loop has sent bytes or ended the direction.
func (b *Bridge) sent() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.carrying {
		b.carrying = true
		go b.carry()
	}
}

// carryOut carries the loop's bytes until there are none. At the end of the direction it closes both
// connections.
func (b *Bridge) carryOut() {
	buf := bridgeBuffers.Get().(*[bridgeBuffer]byte)
	defer bridgeBuffers.Put(buf)
	for {
		n, err := b.next(buf[:])
		if err == transport.ErrWouldBlock {
			return
		}
		if err == nil {
			_, err = b.nc.Write(buf[:n])
		}
		if err != nil {
			b.finish(err)
			return
		}
	}
}

// next reads bytes that the loop has sent. If there are none, carryOut returns, and the next send starts it
// again.
func (b *Bridge) next(buf []byte) (n int, err error) {
	if n, err = b.far.ReadNow(buf); err != transport.ErrWouldBlock {
		return n, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if n, err = b.far.ReadNow(buf); err != transport.ErrWouldBlock { // something may have come in between
		return n, err
	}
	b.carrying = false
	return 0, transport.ErrWouldBlock
}

// finish ends both connections, after the loop's last bytes or because these cannot be written.
func (b *Bridge) finish(err error) {
	defer b.done()
	if err == io.EOF {
		b.linger()
	} else {
		b.fail(err)
	}
	b.mu.Lock()
	patience := b.patience
	b.mu.Unlock()
	b.discardAfter(bottom(b.nc), patience)
	_ = b.nc.Close()
	_ = b.far.Close()
	<-b.ended
}

// bottom is the connection below TLS, and below the wrappers of this package and of package secure.
func bottom(nc net.Conn) net.Conn {
	for {
		over, ok := nc.(interface{ NetConn() net.Conn }) // such as a *tls.Conn
		if !ok {
			break
		}
		below := over.NetConn()
		if below == nil {
			break
		}
		nc = secure.Unwrap(below)
	}
	return unproxied(nc)
}

// linger ends the sending direction. A peer that is still sending would lose the last bytes sent to it. So it
// has lingerTimeout to end its direction too, until the loop closes.
func (b *Bridge) linger() {
	if closeWrite(b.nc) != nil {
		return
	}
	b.mu.Lock()
	if !b.closed {
		_ = b.nc.SetReadDeadline(time.Now().Add(lingerTimeout))
	}
	b.mu.Unlock()
	<-b.ended
}

// fail notes the first error of the connection.
func (b *Bridge) fail(err error) {
	if err == io.EOF {
		return // the end, which is none
	}
	if _, secure := b.nc.(secured); secure && errors.Is(err, io.ErrUnexpectedEOF) {
		err = transport.ErrTruncated
	}
	b.why.CompareAndSwap(nil, &err)
}

// cause replaces an error of the pair by the error of the connection.
func (b *Bridge) cause(err error) error {
	if err == nil || err == transport.ErrWouldBlock {
		return err
	}
	if why := b.why.Load(); why != nil {
		return *why
	}
	return err
}

// Read implements transport.Transport.
func (b *Bridge) Read(p []byte) (int, error) {
	n, err := b.Socket.Read(p)
	return n, b.cause(err)
}

// Write implements transport.Transport.
func (b *Bridge) Write(bufs [][]byte) (int, error) {
	n, err := b.Socket.Write(bufs)
	if n > 0 {
		b.sent()
	}
	return n, b.cause(err)
}

// CloseWrite implements transport.Transport.
func (b *Bridge) CloseWrite() error {
	err := b.Socket.CloseWrite()
	b.sent()
	return err
}

// Cut implements transport.Cutter.
func (b *Bridge) Cut(patience time.Duration) error {
	b.mu.Lock()
	b.patience = patience
	b.mu.Unlock()
	return b.Close()
}

// Close implements transport.Transport. Bytes that were sent before have lingerTimeout to leave. Further input
// is discarded.
func (b *Bridge) Close() error {
	b.mu.Lock()
	b.closed = true
	_ = b.nc.SetReadDeadline(time.Unix(1, 0))
	_ = b.nc.SetWriteDeadline(time.Now().Add(lingerTimeout))
	b.mu.Unlock()
	err := b.Socket.Close()
	b.sent()
	return err
}

// LocalAddr implements transport.Transport.
func (b *Bridge) LocalAddr() netip.AddrPort { return b.local }

// PeerAddr implements transport.Peered.
func (b *Bridge) PeerAddr() netip.AddrPort { return b.peer }

// ConnectionState is that of the TLS below, for conn.Conn.TLS.
func (b *Bridge) ConnectionState() (state tls.ConnectionState, ok bool) {
	if c, ok := b.nc.(secured); ok {
		return c.ConnectionState(), true
	}
	return state, false
}

// secured is a connection over TLS, such as a *tls.Conn.
type secured interface{ ConnectionState() tls.ConnectionState }

// Relayed implements transport.Relayed.
func (b *Bridge) Relayed() {}
