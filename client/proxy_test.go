package client

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/test/testcert"
	"github.com/framerail/framerail/server"
)

// pipe carries bytes between two connections until either ends.
func pipe(a io.ReadWriteCloser, fromA io.Reader, b io.ReadWriteCloser) {
	defer a.Close()
	defer b.Close()
	go func() {
		_, _ = io.Copy(b, fromA)
		_ = b.Close()
	}()
	_, _ = io.Copy(a, b)
}

// accept serves each connection of a listener until the test ends.
func accept(t *testing.T, config *tls.Config, serve func(net.Conn)) (addr string) {
	t.Helper()
	needsLoops(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if config != nil {
		ln = tls.NewListener(ln, config)
	}
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			go serve(nc)
		}
	}()
	return ln.Addr().String()
}

// connectProxy is an HTTP proxy that knows CONNECT alone. It wants a password.
func connectProxy(t *testing.T, config *tls.Config, used *atomic.Int64) *url.URL {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Proxy-Authorization") != "Basic dTpw" {
			w.Header().Set("X-Proxy", "mine")
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		used.Add(1)
		if r.Method != http.MethodConnect {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		far, err := net.Dial("tcp", r.Host)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		nc, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(nc, "HTTP/1.1 200 OK\r\n\r\n")
		pipe(nc, rw, far)
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	scheme, addr := "http", ln.Addr().String()
	if config != nil {
		scheme, ln = "https", tls.NewListener(ln, config)
	}
	s := &http.Server{Handler: handler}
	go func() { _ = s.Serve(ln) }()
	t.Cleanup(func() { _ = s.Close() })
	return &url.URL{Scheme: scheme, Host: addr, User: url.UserPassword("u", "p")}
}

// socksProxy is a SOCKS5 proxy (RFC 1928) that wants a password (RFC 1929).
func socksProxy(t *testing.T, used *atomic.Int64) *url.URL {
	addr := accept(t, nil, func(nc net.Conn) {
		r := bufio.NewReader(nc)
		take := func(n int) []byte {
			b := make([]byte, n)
			if _, err := io.ReadFull(r, b); err != nil {
				_ = nc.Close()
			}
			return b
		}
		take(int(take(2)[1]))
		_, _ = nc.Write([]byte{5, 2})
		user := take(int(take(2)[1]))
		pass := take(int(take(1)[0]))
		_, _ = nc.Write([]byte{1, 0})
		var host string
		switch head := take(4); head[3] {
		case 1:
			host = net.IP(take(4)).String()
		case 3:
			host = string(take(int(take(1)[0])))
		}
		far, err := net.Dial("tcp", net.JoinHostPort(host, fmt.Sprint(binary.BigEndian.Uint16(take(2)))))
		if err != nil || string(user)+":"+string(pass) != "u:p" {
			_, _ = nc.Write([]byte{5, 1, 0, 1, 0, 0, 0, 0, 0, 0})
			_ = nc.Close()
			return
		}
		used.Add(1)
		_, _ = nc.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
		pipe(nc, r, far)
	})
	return &url.URL{Scheme: "socks5", Host: addr, User: url.UserPassword("u", "p")}
}

// Proxies are net/http's. TLS through a tunnel moves to the loop too, unless the proxy speaks TLS itself.
func TestProxy(t *testing.T) {
	for name, tc := range map[string]struct {
		proxy  string
		secure bool
		relays int64
	}{
		"http, ws":    {"http", false, 0},
		"http, wss":   {"http", true, 0},
		"https, ws":   {"https", false, 0},
		"https, wss":  {"https", true, 1},
		"socks5, ws":  {"socks5", false, 0},
		"socks5, wss": {"socks5", true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var used atomic.Int64
			var proxy *url.URL
			switch tc.proxy {
			case "socks5":
				proxy = socksProxy(t, &used)
			case "https":
				proxy = connectProxy(t, testcert.Config(), &used)
			default:
				proxy = connectProxy(t, nil, &used)
			}
			to := start(t, new(server.Server), tc.secure)
			in := newInbox()
			c := closed(t, in.in(&Client{TLSConfig: trust(t), Transport: &http.Transport{Proxy: http.ProxyURL(proxy)}}))
			nc := mustDial(t, c, to)
			checkEcho(t, nc, in)
			if used.Load() != 1 || !hasRelays(c, tc.relays) {
				t.Errorf("used %d times, %d relayed, want %d", used.Load(), relays(c), tc.relays)
			}
			if (nc.TLS() != nil) != (tc.secure || tc.proxy == "https") {
				t.Errorf("TLS: %v", nc.TLS())
			}
			if nc.RemoteAddr().String() != proxy.Host {
				t.Errorf("the address is %v, want the proxy's", nc.RemoteAddr())
			}
			_ = nc.Close(1000, "")
			if i := in.ends(t); !i.Clean() {
				t.Error(i)
			}
		})
	}
}

// A proxy's refusal ends the dial, and says so.
func TestProxy_Refuses(t *testing.T) {
	proxy := connectProxy(t, nil, new(atomic.Int64))
	proxy.User = nil
	c := closed(t, &Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy)}})
	for _, url := range []string{"ws://127.0.0.1:1/", "wss://127.0.0.1:1/"} {
		if _, err := c.Dial(soon(t), url); err == nil || !strings.Contains(err.Error(), "Proxy Authentication Required") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// Without a Transport of the program's the proxies are those of the environment, for ws and wss each its own.
// net/http reads the environment once in a process, so another one dials.
func TestProxy_OfTheEnvironment(t *testing.T) {
	if os.Getenv("HTTP_PROXY") == "http://"+os.Getenv("FRAMERAIL_TEST_PROXY") {
		for _, url := range []string{"ws://server.example/", "wss://localhost.example/"} {
			in := newInbox()
			config := &tls.Config{InsecureSkipVerify: true} // the certificate is another process's
			checkEcho(t, mustDial(t, closed(t, in.in(&Client{TLSConfig: config})), url), in)
		}
		return
	}
	plain, secure := start(t, new(server.Server), false), start(t, new(server.Server), true)
	proxy := accept(t, nil, func(nc net.Conn) {
		in := bufio.NewReader(nc)
		r, err := http.ReadRequest(in)
		if err != nil || r.Method != http.MethodConnect {
			_ = nc.Close()
			return
		}
		to := plain
		if r.Host == "localhost.example:443" {
			to = secure
		}
		far, err := net.Dial("tcp", to[strings.Index(to, "//")+2:])
		if err != nil {
			_ = nc.Close()
			return
		}
		_, _ = io.WriteString(nc, "HTTP/1.1 200 OK\r\n\r\n")
		pipe(nc, in, far)
	})
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute) // each dial has its own, shorter, limit
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestProxy_OfTheEnvironment$")
	cmd.Env = append(os.Environ(), "FRAMERAIL_TEST_PROXY="+proxy, "HTTP_PROXY=http://"+proxy, "HTTPS_PROXY=http://"+proxy, "NO_PROXY=", "no_proxy=",
		"GORACE="+os.Getenv("GORACE")+" atexit_sleep_ms=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// The program's settings for CONNECT hold for ws, too.
func TestProxy_ConnectHeader(t *testing.T) {
	asked := make(chan *http.Request, 1)
	proxy := accept(t, nil, func(nc net.Conn) {
		defer nc.Close()
		if r, err := http.ReadRequest(bufio.NewReader(nc)); err == nil {
			asked <- r
			_, _ = io.WriteString(nc, "HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n")
		}
	})
	via := http.ProxyURL(&url.URL{Scheme: "http", Host: proxy})
	var answered string
	for name, transport := range map[string]*http.Transport{
		"ProxyConnectHeader": {Proxy: via, ProxyConnectHeader: http.Header{"X-Mine": {"1"}}},
		"GetProxyConnectHeader": {Proxy: via, GetProxyConnectHeader: func(_ context.Context, _ *url.URL, target string) (http.Header, error) {
			return http.Header{"X-Mine": {target}}, nil
		}},
		"OnProxyConnectResponse": {Proxy: via, ProxyConnectHeader: http.Header{"X-Mine": {"2"}}, OnProxyConnectResponse: func(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
			answered = resp.Status
			return nil
		}},
	} {
		_, err := closed(t, &Client{Transport: transport}).Dial(soon(t), "ws://server.example/")
		if err == nil || !strings.Contains(err.Error(), "CONNECT is answered with 502 No") {
			t.Errorf("%s: %v", name, err)
		}
		if r := <-asked; r.Method != http.MethodConnect || r.RequestURI != "server.example:80" || r.Host != "server.example:80" || r.Header.Get("X-Mine") == "" {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if answered != "502 No" {
		t.Errorf("answered %q", answered)
	}
}
