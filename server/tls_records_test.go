package server

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"net"
	"testing"

	"github.com/framerail/framerail/internal/test/tlsrecords"
)

// sealer is a peer that makes its records by hand, behind a TLS handshake.
type sealer struct {
	*peer
	*tlsrecords.Sealer
	under net.Conn
}

// dialSealer is a peer whose TLS handshake is done, with TLS 1.3.
func dialSealer(t testing.TB, s *Server) *sealer {
	t.Helper()
	return newSealer(t, dialRaw(t, s))
}

// newSealer does the TLS handshake of a peer.
func newSealer(t testing.TB, p *peer) *sealer {
	t.Helper()
	return newSealerOf(t, p, tls.VersionTLS13)
}

func newSealerOf(t testing.TB, p *peer, version uint16) *sealer {
	t.Helper()
	var secrets bytes.Buffer
	wire := &tap{Conn: p.Conn}
	over := tls.Client(wire, tlsrecords.Config(trusting(), version, &secrets))
	if err := over.Handshake(); err != nil {
		t.Fatal(err)
	}
	made, err := tlsrecords.New(over.ConnectionState(), secrets.String(), wire.got.Bytes())
	if err != nil {
		t.Skip(err) // where another suite is faster
	}
	p.Conn, p.r = over, bufio.NewReader(over)
	return &sealer{peer: p, Sealer: made, under: wire.Conn}
}

func (c *sealer) write(records ...[]byte) error {
	_, err := c.under.Write(bytes.Join(records, nil))
	return err
}

func (c *sealer) data(content string) {
	c.t.Helper()
	if err := c.write(c.Seal(tlsrecords.Data, content)); err != nil {
		c.t.Fatal(err)
	}
}

// open does the handshake of RFC 6455.
func (c *sealer) open() {
	c.t.Helper()
	c.data(upgrade + "\r\n")
	c.expectStatus(101)
}
