package server

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/test/tlsrecords"
)

// tap keeps what it has read.
type tap struct {
	net.Conn
	got bytes.Buffer
}

func (c *tap) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.got.Write(b[:n])
	return n, err
}

// tapped is dialTLS with TLS 1.2, in which alerts can be told from data.
func tapped(t *testing.T, s *Server) (*peer, *tap) {
	t.Helper()
	p := dialRaw(t, s)
	c := &tap{Conn: p.Conn}
	config := trusting()
	config.MaxVersion = tls.VersionTLS12
	p.Conn = tls.Client(c, config)
	p.r = bufio.NewReader(p.Conn)
	p.handshake()
	return p, c
}

// expectCloseNotify checks that an alert came last (RFC 5246 7.2.1); what ends without one
// may have been cut, and crypto/tls does not mind.
func (c *tap) expectCloseNotify(t *testing.T) {
	t.Helper()
	last := byte(0)
	for b := c.got.Bytes(); len(b) >= 5; {
		last = b[0]
		b = b[min(len(b), 5+int(b[3])<<8+int(b[4])):]
	}
	if last != tlsrecords.Alert {
		t.Errorf("the last record is of type %d, and no alert", last)
	}
}

func TestTLS_ShutdownSaysGoodbye(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		s := startTLS(t, &Server{OnMessage: echo, Dispatch: d})
		p, wire := tapped(t, s)
		p.alive()
		done := make(chan error, 1)
		go func() { done <- drain(s, context.Background()) }()
		p.expectClose(1001)
		p.close(1001, "")
		p.expectEOF()
		if err := receive(t, done); err != nil {
			t.Error(err)
		}
		wire.expectCloseNotify(t)
	})
}

func TestTLS_CutConnectionsSayGoodbyeToo(t *testing.T) {
	s := startTLS(t, &Server{OnMessage: echo})
	p, wire := tapped(t, s)
	p.alive()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	p.expectEOF()
	wire.expectCloseNotify(t)
}

func TestTLS_RefusalsEndWithCloseNotify(t *testing.T) {
	s := startTLS(t, &Server{Path: "/other"})
	p := dialRaw(t, s)
	wire := &tap{Conn: p.Conn}
	config := trusting()
	config.MaxVersion = tls.VersionTLS12
	p.Conn = tls.Client(wire, config)
	p.r = bufio.NewReader(p.Conn)
	p.send(upgrade + "\r\n")
	p.expectRefusal(http.StatusNotFound)
	wire.expectCloseNotify(t)
}

// Shutdown does not leave a callback of TLSConfig behind, unless its context says so.
func TestTLS_ShutdownWaitsForACallback(t *testing.T) {
	release, asked := make(chan struct{}), make(chan struct{}, 1)
	let := sync.OnceFunc(func() { close(release) })
	defer let()
	s := startTLS(t, &Server{TLSConfig: &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			asked <- struct{}{}
			<-release
			return nil, errors.New("nobody waits")
		},
	}})
	p := dialRaw(t, s)
	p.send(string(hello()))
	receive(t, asked)
	for range 2 { // the first cuts the connection
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		if err := drain(s, ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want that it was not waited for", err)
		}
		cancel()
	}
	let()
	if err := within(t, "Shutdown", func() error { return drain(s, context.Background()) }); err != nil {
		t.Error(err)
	}
}
