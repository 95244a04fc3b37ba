package client

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"slices"

	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/secure"
)

// errRenegotiation is the error of a TLS configuration that a loop cannot keep.
var errRenegotiation = errors.New("framerail: a TLS configuration that allows renegotiation cannot be used: it would block an event loop")

// transport is what makes the requests, and the TLS configuration of direct dials. own reports whether it dials
// through this package.
func (c *Client) transport() (rt http.RoundTripper, config *tls.Config, own bool, err error) {
	var t *http.Transport
	switch program := c.Transport.(type) {
	case nil:
		t = &http.Transport{Proxy: http.ProxyFromEnvironment}
	case *http.Transport:
		t = program.Clone()
	case platform.Dialer:
		config, err = c.tlsConfig(nil)
		return c.Transport, config, false, err
	default:
		return program, nil, false, nil
	}
	if config, err = c.tlsConfig(t.TLSClientConfig); err != nil {
		return nil, nil, false, err
	}
	t.TLSClientConfig = config.Clone()
	t.TLSClientConfig.NextProtos = nil // as net/http has it for requests that can only be HTTP/1.1
	t.DialContext = noted(c.dialer(t))
	if t.Proxy != nil {
		ts := &tunnels{t, t.Proxy, t.DialContext}
		t.Proxy, t.DialContext = ts.proxy, ts.dial
	}
	if f := dialerTLS(t); f != nil {
		t.DialTLSContext = noted(f)
	}
	// A WebSocket needs HTTP/1.1 (RFC 6455 4.1), and a connection of its own.
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	t.ForceAttemptHTTP2 = false
	t.DisableKeepAlives = true
	t.DisableCompression = true
	if t.MaxResponseHeaderBytes <= 0 || t.MaxResponseHeaderBytes > handshake.MaxHeadBytes {
		t.MaxResponseHeaderBytes = handshake.MaxHeadBytes
	}
	return t, config, true, nil
}

// dialer makes connections: by the client's DialContext, or as its transport does.
func (c *Client) dialer(t *http.Transport) dialFunc {
	switch {
	case c.DialContext != nil:
		return c.DialContext
	case t.DialContext != nil:
		return t.DialContext
	}
	//lint:ignore SA1019 a program may have it, and net/http still calls it
	if f := t.Dial; f != nil {
		return withoutContext(f)
	}
	return c.netDialer().DialContext
}

// netDialer is package net's, without TCP's own probes where there are pings: net would send one every 15 s.
func (c *Client) netDialer() *net.Dialer {
	d := new(net.Dialer)
	if c.IdleTimeout >= 0 || c.PingInterval > 0 {
		d.KeepAlive = -1
	}
	return d
}

// dialerTLS makes connections with TLS, as the transport does; nil if it leaves that to net/http.
func dialerTLS(t *http.Transport) dialFunc {
	if t.DialTLSContext != nil {
		return t.DialTLSContext
	}
	//lint:ignore SA1019 as above
	if f := t.DialTLS; f != nil {
		return withoutContext(f)
	}
	return nil
}

// withoutContext is a dialer that cannot be stopped.
func withoutContext(f func(network, addr string) (net.Conn, error)) dialFunc {
	return func(_ context.Context, network, addr string) (net.Conn, error) { return f(network, addr) }
}

type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// noted has each connection noted by the dial that it is for, which closes it if it fails. net/http would
// go on connecting when the request has ended, for later ones. Connections that are sockets are wrapped,
// so that TLS over them can move to a loop.
func noted(connect dialFunc) dialFunc {
	connect = connected(connect)
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		a := attemptOf(ctx)
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		defer context.AfterFunc(a.ctx, func() { cancel(context.Cause(a.ctx)) })()
		nc, err := connect(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		if !a.note(nc) { // it comes too late
			_ = nc.Close()
			return nil, context.Canceled
		}
		if isSocket(nc) {
			nc = secure.Wrap(nc)
		}
		return nc, nil
	}
}

// tlsConfig is the configuration for wss, in place of the transport's own.
func (c *Client) tlsConfig(transport *tls.Config) (*tls.Config, error) {
	config := transport // a clone already
	if c.TLSConfig != nil {
		config = c.TLSConfig.Clone()
	}
	if config == nil {
		config = new(tls.Config)
	}
	if config.Renegotiation != tls.RenegotiateNever {
		return nil, errRenegotiation
	}
	// A WebSocket needs HTTP/1.1 (RFC 6455 4.1). h2 is another protocol, in which a handshake looks different (RFC 8441).
	config.NextProtos = slices.DeleteFunc(slices.Clone(config.NextProtos), func(p string) bool { return p == "h2" })
	if config.ClientSessionCache == nil {
		config.ClientSessionCache = tls.NewLRUClientSessionCache(0)
	}
	return config, nil
}

// isSocket reports whether a connection is only its socket.
func isSocket(nc net.Conn) bool {
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		return true
	}
	return false
}
