package server

import (
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/socket"
)

// bridge is the transport of a connection whose bytes only its own type understands, such
// as a *tls.Conn of an http.Server's: one end of a pair of sockets. Between the other end
// and the connection two goroutines copy. So the loop has a descriptor to wait for, and a
// peer that does not read fills the pair and is noticed, as over any socket.
type bridge struct {
	sock
	nc    net.Conn
	local netip.AddrPort
	cut   atomic.Bool // nc has ended in an unannounced way
}

// newBridge bridges to nc, which is closed some time after the bridge.
func (r *running) newBridge(nc net.Conn) (*bridge, error) {
	fd, far, err := socket.Pair()
	if err != nil {
		return nil, err
	}
	b := &bridge{sock: sock{fd: int32(fd)}, nc: nc}
	if addr, err := netip.ParseAddrPort(nc.LocalAddr().String()); err == nil {
		b.local = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	}
	r.bridges.begin()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b.carryIn(far)
	}()
	go func() {
		defer r.bridges.end()
		b.carryOut(far, ended)
	}()
	return b, nil
}

// carryIn copies what comes to the loop.
func (b *bridge) carryIn(far *net.UnixConn) {
	if copyAll(far, b.nc) != nil {
		b.cut.Store(true)
	}
	_ = far.CloseWrite()
}

// carryOut copies what the loop sends, and then ends both connections. A peer that is still
// sending then would lose what it was sent last: it has lingerTimeout to end, too.
func (b *bridge) carryOut(far *net.UnixConn, ended <-chan struct{}) {
	err := copyAll(b.nc, far)
	if c, ok := b.nc.(interface{ CloseWrite() error }); ok && err == nil && c.CloseWrite() == nil {
		_ = b.nc.SetReadDeadline(time.Now().Add(lingerTimeout))
		<-ended
	}
	_ = b.nc.Close()
	_ = far.Close()
	<-ended
}

// copyAll copies to the end of from, which is no error.
func copyAll(to io.Writer, from io.Reader) error {
	// Without their other methods: io.CopyBuffer would not use the small buffer.
	_, err := io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, bridgeBuffer))
	return err
}

// Read implements conn.Transport.
func (b *bridge) Read(p []byte) (int, error) {
	n, err := b.sock.Read(p)
	if err == io.EOF && b.cut.Load() {
		err = conn.ErrTruncated
	}
	return n, err
}

// Close implements conn.Transport. What was sent before has lingerTimeout to leave.
func (b *bridge) Close() error {
	_ = b.nc.SetWriteDeadline(time.Now().Add(lingerTimeout))
	return b.sock.Close()
}

// LocalAddr implements conn.Transport.
func (b *bridge) LocalAddr() netip.AddrPort { return b.local }

// ConnectionState is that of the TLS below, for conn.Conn.TLS.
func (b *bridge) ConnectionState() (state tls.ConnectionState, ok bool) {
	if c, ok := b.nc.(*tls.Conn); ok {
		return c.ConnectionState(), true
	}
	return state, false
}
