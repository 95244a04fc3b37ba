package client

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"github.com/framerail/framerail/internal/handshake"
)

// net/http makes a tunnel through an HTTP proxy for https, and sends the proxy any other request as it is. Many
// proxies do not forward its Upgrade. So for ws this package asks for the tunnel (RFC 6455 4.1, "Proxy Usage").

// tunnels has a transport make tunnels for ws.
type tunnels struct {
	*http.Transport
	proxyOf func(*http.Request) (*url.URL, error) // the program's
	connect dialFunc
}

// proxy is the transport's Proxy: it keeps proxies of HTTP for ws from net/http.
func (ts *tunnels) proxy(r *http.Request) (*url.URL, error) {
	u, err := ts.proxyOf(r)
	a := attemptOf(r.Context())
	tunnelled := err == nil && u != nil && r.URL.Scheme == "http" && (u.Scheme == "http" || u.Scheme == "https")
	a.mu.Lock()
	defer a.mu.Unlock()
	a.tunnel = nil
	if tunnelled {
		a.tunnel = u
		return nil, nil
	}
	return u, err
}

// dial is the transport's DialContext, for one that has noted the connection to the proxy.
func (ts *tunnels) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	u := attemptOf(ctx).through()
	if u == nil {
		return ts.connect(ctx, network, addr)
	}
	nc, err := ts.connect(ctx, network, net.JoinHostPort(u.Hostname(), portOf(u)))
	if err != nil {
		return nil, fmt.Errorf("framerail: proxy: %w", err)
	}
	if u.Scheme == "https" {
		config := ts.TLSClientConfig.Clone()
		if config.ServerName == "" {
			config.ServerName = u.Hostname()
		}
		nc = tls.Client(nc, config)
	}
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	err = ts.open(ctx, nc, u, addr)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = nc.Close()
		return nil, fmt.Errorf("framerail: proxy: %w", err)
	}
	return nc, nil
}

// open asks a proxy for a tunnel (RFC 9110 9.3.6).
func (ts *tunnels) open(ctx context.Context, nc net.Conn, proxy *url.URL, addr string) error {
	req := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: addr}, Host: addr, Header: ts.ProxyConnectHeader.Clone()}
	if f := ts.GetProxyConnectHeader; f != nil {
		h, err := f(ctx, proxy, addr)
		if err != nil {
			return err
		}
		req.Header = h.Clone()
	}
	if req.Header == nil {
		req.Header = make(http.Header)
	}
	if user := proxy.User; user != nil && req.Header.Get("Proxy-Authorization") == "" {
		password, _ := user.Password()
		req.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user.Username()+":"+password)))
	}
	if err := req.Write(nc); err != nil {
		return err
	}
	// Nothing comes behind the answer, because a server of WebSockets does not speak first.
	resp, err := http.ReadResponse(bufio.NewReader(io.LimitReader(nc, handshake.MaxHeadBytes)), req)
	if err != nil {
		return err
	}
	if f := ts.OnProxyConnectResponse; f != nil {
		if err := f(ctx, proxy, req, resp); err != nil {
			return err
		}
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("framerail: CONNECT is answered with %s", resp.Status)
	}
	return nil
}
