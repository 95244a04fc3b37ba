package server

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/framerail/framerail/internal/gate"
	"github.com/framerail/framerail/internal/proxyproto"
)

// ProxyListener wraps a listener for an [http.Server] behind proxies that speak the PROXY protocol. Its
// requests and Upgrade then see the client's address. For a server that listens itself,
// Proxies.Protocol does the same.
//
//	ln, err := net.Listen("tcp", ":80")
//	if err != nil {
//		return err
//	}
//	ln, err = server.ProxyListener(ln, server.Trust{Networks: proxies})
//	if err != nil {
//		return err
//	}
//	err = httpServer.Serve(ln)
//
// With TLS behind the header use httpServer.ServeTLS(server.UpgradeListener(ln), …).
//
// A connection from a trusted peer must begin with a header, of at most 4,096 bytes within 5 seconds.
// Otherwise it is closed. RemoteAddr is then the client's address, or the proxy's if the header names no
// client. Connections from other peers pass unchanged. Upgrade moves both to the loop. PeerAddr is the
// proxy's then.
//
// The header is not read while the listener accepts. The first call of RemoteAddr, Read or a method that
// sets a deadline reads it. net/http makes that call on the connection's goroutine. Do not make it in
// ConnContext or ConnState.
//
// The listener belongs to no server. Closing it closes ln. ProxyListener fails if trusted has an invalid
// network.
func ProxyListener(ln net.Listener, trusted Trust) (net.Listener, error) {
	if err := trusted.validate("Protocol"); err != nil {
		return nil, err
	}
	trusted.Networks = slices.Clone(trusted.Networks)
	return &proxyListener{ln, trusted, defaultHandshakeTimeout}, nil
}

type proxyListener struct {
	net.Listener
	trusted  Trust
	patience time.Duration // for a header
}

func (l *proxyListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err == nil && l.trusted.has(addrPortOf(nc.RemoteAddr()).Addr(), gate.IsUnix(nc.LocalAddr())) {
		nc = &proxied{Conn: nc, patience: l.patience}
	}
	return nc, err
}

// proxied is a connection of a proxy's. Its header is read to the last byte and no further, so
// that the socket below it is the client's from there on.
type proxied struct {
	net.Conn
	patience time.Duration
	once     sync.Once
	client   net.Addr // nil: it is not told
	err      error
}

// introduce reads the header, once.
func (c *proxied) introduce() {
	c.once.Do(func() {
		_ = c.Conn.SetReadDeadline(time.Now().Add(c.patience))
		h, err := readHeader(&lastLook{Conn: c.Conn})
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

// lastLook is a connection that is read from once more when its deadline has passed. Package
// net does not do that: a process that was stopped meanwhile would not see what has come.
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

// readHeader reads a header of the PROXY protocol and nothing behind it.
func readHeader(r io.Reader) (proxyproto.Header, error) {
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
	if c.introduce(); c.err != nil {
		return 0, c.err
	}
	return c.Conn.Read(b)
}

func (c *proxied) RemoteAddr() net.Addr {
	if c.introduce(); c.client != nil {
		return c.client
	}
	return c.Conn.RemoteAddr()
}

// CloseWrite is that of the socket.
func (c *proxied) CloseWrite() error { return closeWrite(c.Conn) }

// Deadlines for reading would end the one for the header.

func (c *proxied) SetDeadline(t time.Time) error {
	c.introduce()
	return c.Conn.SetDeadline(t)
}

func (c *proxied) SetReadDeadline(t time.Time) error {
	c.introduce()
	return c.Conn.SetReadDeadline(t)
}
