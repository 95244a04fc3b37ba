//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"time"

	"github.com/framerail/framerail/internal/test/testcert"
)

// security is the setting of bars that can be held over TLS as well.
type security struct {
	TLS bool `name:"tls" help:"Have the clients come over TLS."`
}

// within says it to the servers and the clients that a bar starts there.
func (s security) within(ctx context.Context) context.Context { return way{security: s}.within(ctx) }

// securely tells whether servers and clients speak TLS.
func securely(ctx context.Context) bool { return wayOf(ctx).TLS }

// shake has the client speak TLS from now on. Any certificate will do.
func (c *client) shake() error {
	over := tls.Client(c.tcp, &tls.Config{InsecureSkipVerify: true})
	if err := over.Handshake(); err != nil {
		return err
	}
	c.Conn = over
	c.in.Reset(over)
	return nil
}

// behindTLS is a listener of a server that knows nothing of TLS.
func behindTLS(ln net.Listener) net.Listener { return tls.NewListener(ln, testcert.Config()) }

// clientHello is how a TLS handshake begins.
var clientHello = sync.OnceValue(func() []byte {
	var hello bytes.Buffer
	_ = tls.Client(deaf{&hello}, &tls.Config{InsecureSkipVerify: true}).Handshake()
	return hello.Bytes()
})

// deaf is a net.Conn that keeps what is written and has nothing to read.
type deaf struct{ *bytes.Buffer }

func (deaf) Read([]byte) (int, error)         { return 0, io.EOF }
func (deaf) Close() error                     { return nil }
func (deaf) LocalAddr() net.Addr              { return nil }
func (deaf) RemoteAddr() net.Addr             { return nil }
func (deaf) SetDeadline(time.Time) error      { return nil }
func (deaf) SetReadDeadline(time.Time) error  { return nil }
func (deaf) SetWriteDeadline(time.Time) error { return nil }
