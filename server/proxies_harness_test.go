package server

import (
	"bufio"
	"crypto/tls"
	"io"
	"net/netip"
	"testing"

	"github.com/framerail/framerail/conn"
)

// here trusts the tests' own clients as proxies.
var here = Trust{Networks: prefixes("127.0.0.0/8")}

func prefixes(of ...string) (networks []netip.Prefix) {
	for _, s := range of {
		networks = append(networks, netip.MustParsePrefix(s))
	}
	return networks
}

const (
	// announced is a header of the PROXY protocol, and announcedFrom the client it tells.
	announced     = "PROXY TCP4 192.0.2.1 198.51.100.2 56789 443\r\n"
	announcedFrom = "192.0.2.1:56789"
	// announced2 is the same in version 2, with a TLV.
	announced2 = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x10\xc0\x00\x02\x01\xc6\x33\x64\x02\xdd\xd5\x01\xbb\x04\x00\x01x"
	// unannounced is one that tells none.
	unannounced = "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
)

// addresses is how a connection is seen.
type addresses struct {
	remote, peer  netip.AddrPort // of the conn.Conn
	check, checkP netip.AddrPort // of the Handshake
	request       string
}

// watched has a server tell the addresses of each connection.
func watched(s *Server) (*Server, <-chan addresses) {
	seen := make(chan addresses, 100)
	asked := make(chan *Handshake, 100)
	s.OnMessage = echo
	s.Check = func(h *Handshake) error { asked <- h; return nil }
	s.OnConnection = func(c *conn.Conn) {
		h := <-asked
		seen <- addresses{c.RemoteAddr(), c.PeerAddr(), h.RemoteAddr, h.PeerAddr, h.Request.RemoteAddr}
	}
	return s, seen
}

// expectAddresses fails unless a connection is from there, and its socket p's.
func (p *peer) expectAddresses(seen <-chan addresses, from string) {
	p.t.Helper()
	socket, _ := netip.ParseAddrPort(p.LocalAddr().String())
	remote, _ := netip.ParseAddrPort(from)
	if from == "" {
		remote = socket
	}
	want := addresses{remote, socket, remote, socket, addrString(remote)}
	if got := receive(p.t, seen); got != want {
		p.t.Errorf("seen as %+v, want %+v", got, want)
	}
}

// securely runs a test over plain TCP and over TLS.
func securely(t *testing.T, f func(t *testing.T, start func(testing.TB, *Server) *Server, over func(*peer))) {
	t.Run("plain", func(t *testing.T) { f(t, start, func(*peer) {}) })
	t.Run("TLS", func(t *testing.T) {
		f(t, startTLS, func(p *peer) {
			p.t.Helper()
			over := tls.Client(p.Conn, trusting())
			if err := over.Handshake(); err != nil {
				p.t.Fatal(err)
			}
			p.Conn, p.r = over, bufio.NewReader(over)
		})
	})
}

// headed sends a header with the first bytes that are written behind it.
type headed struct {
	io.Writer
	header string
}

func (h *headed) Write(b []byte) (int, error) {
	header := h.header
	h.header = ""
	n, err := h.Writer.Write(append([]byte(header), b...))
	return max(n-len(header), 0), err
}
