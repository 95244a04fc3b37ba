package client

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"net"
	"slices"

	"github.com/framerail/framerail/internal/platform"
)

// Code of the program's that a dial calls may not know what a context is. A Transport calls it on goroutines, for
// which it does not wait when the context ends. A direct dial does the same, where there is such code.

// errGoexit is the error of such code that has ended its goroutine.
var errGoexit = errors.New("framerail: a function that the dial has called ended its goroutine")

// errNoConn is the error of a dialer that has returned nothing.
var errNoConn = errors.New("framerail: the dialer has returned neither a connection nor an error")

// apart runs f on a goroutine of its own, and waits for it until the context is done. late gets a value that comes
// after that, unless it is nil.
func apart[T any](ctx context.Context, f func() (T, error), late func(T)) (T, error) {
	type result struct {
		value T
		err   error
	}
	results := make(chan result)
	go func() {
		r := result{err: errGoexit}
		defer func() { // also if f ends the goroutine
			select {
			case results <- r:
			case <-ctx.Done():
				if r.err == nil && late != nil {
					late(r.value)
				}
			}
		}()
		r.value, r.err = f()
	}()
	select {
	case r := <-results:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// cancellable is a program's dialer for a caller that may not wait for it. A connection that comes too late is closed.
func cancellable(connect dialFunc) dialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		return apart(ctx, func() (net.Conn, error) { return connect(ctx, network, addr) }, func(nc net.Conn) { _ = nc.Close() })
	}
}

// connected is a dialer whose result without an error is a connection.
func connected(connect dialFunc) dialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := connect(ctx, network, addr)
		if err == nil && platform.IsNil(nc) {
			return nil, errNoConn
		}
		return nc, err
	}
}

// callsBack reports whether TLS handshakes run code of the program's, which may block.
func callsBack(program *tls.Config) bool {
	return program != nil && (program.VerifyConnection != nil || program.VerifyPeerCertificate != nil ||
		program.GetClientCertificate != nil || program.EncryptedClientHelloRejectionVerify != nil ||
		program.ClientSessionCache != nil || program.KeyLogWriter != nil || program.Time != nil || program.Rand != nil ||
		slices.ContainsFunc(program.Certificates, signsElsewhere))
}

// signsElsewhere reports whether a certificate's private key has a type from outside the standard library. The key may
// lie in a device or a remote service, and signing may block.
func signsElsewhere(c tls.Certificate) bool {
	switch c.PrivateKey.(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
		return false
	}
	return true
}
