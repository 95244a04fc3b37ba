package nethttp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/proxyproto"
)

// ProxyListener wraps a listener for an http.Server behind proxies that speak the PROXY protocol. The header of a
// trusted proxy must arrive within patience.
func ProxyListener(ln net.Listener, trusted func(addr netip.Addr, unix bool) bool, patience time.Duration) net.Listener {
	return &proxyListener{ln, trusted, patience}
}

type proxyListener struct {
	net.Listener
	trusted  func(addr netip.Addr, unix bool) bool
	patience time.Duration // for a header
}

func (l *proxyListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err == nil && l.trusted(platform.AddrPort(nc.RemoteAddr()).Addr(), gate.IsUnix(nc.LocalAddr())) {
		nc = &proxied{Conn: nc, patience: l.patience}
	}
	return nc, err
}

// proxied is a connection of a proxy. Its header is read to the last byte and no further, so the socket below has
// only the client's bytes from there on.
type proxied struct {
	net.Conn
	patience time.Duration
	once     sync.Once
	client   net.Addr // nil: unknown
	err      error
}

// readHeader reads the header, once.
func (c *proxied) readHeader() {
	c.once.Do(func() {
		_ = c.Conn.SetReadDeadline(time.Now().Add(c.patience))
		h, err := decode(&lastLook{Conn: c.Conn})
		_ = c.Conn.SetReadDeadline(time.Time{})
		if err != nil {
			c.err = fmt.Errorf("framerail: connection of a proxy refused: %w", err)
			_ = c.Conn.Close()
			return
		}
		if h.Source.IsValid() {
			c.client = net.TCPAddrFromAddrPort(h.Source)
		}
	})
}

// lastLook is a connection that is read once more after its deadline. Package net does not do that, so a process
// that was stopped meanwhile would miss bytes that have arrived.
type lastLook struct {
	net.Conn
	looked bool
}

func (l *lastLook) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	if n > 0 || l.looked || !errors.Is(err, os.ErrDeadlineExceeded) {
		return n, err
	}
	l.looked = true
	_ = l.Conn.SetReadDeadline(time.Now().Add(lastLookTimeout))
	return l.Conn.Read(b)
}

// decode reads a header of the PROXY protocol and nothing behind it.
func decode(r io.Reader) (proxyproto.Header, error) {
	var b []byte
	for {
		h, n, err := proxyproto.Decode(b)
		if n > 0 || err != nil {
			return h, err
		}
		have := len(b)
		b = slices.Grow(b, proxyproto.Lacks(b))[:have+proxyproto.Lacks(b)]
		if _, err := io.ReadFull(r, b[have:]); err != nil {
			return h, err
		}
	}
}

func (c *proxied) Read(b []byte) (int, error) {
	if c.readHeader(); c.err != nil {
		return 0, c.err
	}
	return c.Conn.Read(b)
}

func (c *proxied) RemoteAddr() net.Addr {
	if c.readHeader(); c.client != nil {
		return c.client
	}
	return c.Conn.RemoteAddr()
}

// CloseWrite is that of the socket.
func (c *proxied) CloseWrite() error { return closeWrite(c.Conn) }

// Deadlines for reading would end the one for the header.

func (c *proxied) SetDeadline(t time.Time) error {
	c.readHeader()
	return c.Conn.SetDeadline(t)
}

func (c *proxied) SetReadDeadline(t time.Time) error {
	c.readHeader()
	return c.Conn.SetReadDeadline(t)
}
