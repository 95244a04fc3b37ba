package client

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/framerail/framerail/internal/test/testcert"
)

// failing serves connections by a script: what to wait for, what to send, and how to end.
func failing(t *testing.T, config *tls.Config, until, then string, reset bool) (addr string) {
	return accept(t, config, func(nc net.Conn) {
		defer nc.Close()
		var got strings.Builder
		buf := make([]byte, 1024)
		for !strings.Contains(got.String(), until) {
			n, err := nc.Read(buf)
			if got.Write(buf[:n]); err != nil {
				return
			}
		}
		_, _ = io.WriteString(nc, then)
		if tcp, ok := nc.(*net.TCPConn); ok && reset {
			_ = tcp.SetLinger(0)
		}
	})
}

// Whatever fails in a dial, at whichever step, it ends with an error that says so and leaves nothing
// behind: TestMain looks.
func TestDial_FailsAtEachStep(t *testing.T) { bothWays(t, testDial_FailsAtEachStep) }

func testDial_FailsAtEachStep(t *testing.T) {
	needsLoops(t)
	direct := func(c *Client, addr, scheme string) string { return scheme + "://" + addr + "/" }
	through := func(proxy string) func(c *Client, addr, scheme string) string {
		return func(c *Client, addr, scheme string) string {
			c.Transport = &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: proxy, Host: addr}), TLSClientConfig: testcert.Trusting()}
			return scheme + "://target.example/"
		}
	}
	const answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	for name, tc := range map[string]struct {
		where       func(c *Client, addr, scheme string) string
		scheme      string
		secure      bool
		until, then string
		reset       bool
		says        string
	}{
		"TLS ends":             {direct, "wss", false, "\x16", "", false, ""},
		"TLS is reset":         {direct, "wss", false, "\x16", "", true, "reset"},
		"TLS is garbage":       {direct, "wss", false, "\x16", "garbage garbage", false, "TLS"},
		"TLS is plain HTTP":    {direct, "wss", false, "\x16", "HTTP/1.1 400 Bad Request\r\n\r\n", false, "HTTP response to HTTPS client"},
		"TLS alert":            {direct, "wss", false, "\x16", "\x15\x03\x03\x00\x02\x02\x28", false, "handshake failure"},
		"ends at once":         {direct, "ws", false, "", "", false, ""},
		"ends":                 {direct, "ws", false, "\r\n\r\n", "", false, "EOF"},
		"is reset":             {direct, "ws", false, "\r\n\r\n", "", true, "reset"},
		"speaks another way":   {direct, "ws", false, "\r\n\r\n", "SSH-2.0-x\r\n", false, "malformed HTTP response"},
		"half a head":          {direct, "ws", false, "\r\n\r\n", answer, false, "EOF"},
		"half a head over TLS": {direct, "wss", true, "\r\n\r\n", answer, false, "EOF"},
		"half a refusal":       {direct, "ws", false, "\r\n\r\n", "HTTP/1.1 403 Forbidden\r\nContent-Length: 10\r\n\r\nno", false, `403 Forbidden: "no"`},
		"bad field":            {direct, "ws", false, "\r\n\r\n", answer + "nonsense\r\n\r\n", false, "malformed"},
		"proxy ends":           {through("http"), "wss", false, "CONNECT", "", false, "EOF"},
		"proxy is reset":       {through("http"), "wss", false, "CONNECT", "", true, ""},
		"proxy refuses":        {through("http"), "wss", false, "CONNECT", "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", false, "No"},
		"proxy is garbage":     {through("http"), "wss", false, "CONNECT", "garbage\r\n\r\n", false, "malformed"},
		"proxy ends, ws":       {through("http"), "ws", false, "CONNECT", "", false, "EOF"},
		"proxy refuses, ws":    {through("http"), "ws", false, "CONNECT", "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", false, "403 No"},
		"proxy without end":    {through("http"), "ws", false, "CONNECT", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 9000), false, "EOF"},
		"tunnel ends, ws":      {through("http"), "ws", false, "CONNECT", "HTTP/1.1 200 OK\r\n\r\n", false, ""},
		"tunnel ends":          {through("http"), "wss", false, "CONNECT", "HTTP/1.1 200 OK\r\n\r\n", false, ""},
		"proxy's TLS ends":     {through("https"), "ws", false, "\x16", "", false, "proxy"},
		"proxy in TLS ends":    {through("https"), "wss", true, "CONNECT", "", false, "EOF"},
		"SOCKS ends":           {through("socks5"), "ws", false, "\x05", "", false, "EOF"},
		"SOCKS version":        {through("socks5"), "ws", false, "\x05", "\x04\x00", false, "version"},
		"SOCKS refuses":        {through("socks5"), "ws", false, "\x05", "\x05\xff", false, "no acceptable authentication methods"},
		"SOCKS fails":          {through("socks5"), "ws", false, "\x05", "\x05\x00\x05\x01\x00\x01\x00\x00\x00\x00\x00\x00", false, "general SOCKS server failure"},
	} {
		t.Run(name, func(t *testing.T) {
			var config *tls.Config
			if tc.secure {
				config = testcert.Config()
			}
			c := closed(t, &Client{TLSConfig: trust(t)})
			_, err := c.Dial(soon(t), tc.where(c, failing(t, config, tc.until, tc.then, tc.reset), tc.scheme))
			if err == nil || !strings.Contains(err.Error(), tc.says) || !strings.HasPrefix(err.Error(), "framerail: ") {
				t.Errorf("%v, want %q", err, tc.says)
			}
		})
	}
}

// A port on which nobody listens, and a name that does not exist.
func TestDial_NobodyIsThere(t *testing.T) { bothWays(t, testDial_NobodyIsThere) }

func testDial_NobodyIsThere(t *testing.T) {
	needsLoops(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	_ = ln.Close()
	for _, url := range []string{"ws://" + addr, "wss://" + addr, "ws://name.invalid/"} {
		if _, err := closed(t, new(Client)).Dial(soon(t), url); err == nil {
			t.Errorf("%s: somebody is there", url)
		}
	}
}

// connect(2) fails with each number that it has on some system: the error has it, and tells where, at whichever dial.
func TestDial_ConnectFails(t *testing.T) { bothWays(t, testDial_ConnectFails) }

func testDial_ConnectFails(t *testing.T) {
	needsLoops(t)
	for _, number := range []syscall.Errno{
		syscall.EACCES, syscall.EADDRINUSE, syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT, syscall.EAGAIN, syscall.EALREADY, syscall.EBADF,
		syscall.ECONNABORTED, syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EFAULT, syscall.EHOSTUNREACH, syscall.EINPROGRESS, syscall.EINTR,
		syscall.EINVAL, syscall.EISCONN, syscall.EMFILE, syscall.ENETDOWN, syscall.ENETUNREACH, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM,
		syscall.ENOTSOCK, syscall.EPERM, syscall.EPROTOTYPE, syscall.ETIMEDOUT,
	} {
		fails := &net.Dialer{Control: func(string, string, syscall.RawConn) error { return os.NewSyscallError("connect", number) }}
		for _, proxy := range []string{"", "http", "https", "socks5"} {
			for _, scheme := range []string{"ws", "wss"} {
				c := &Client{DialContext: fails.DialContext}
				if proxy != "" {
					c.Transport = &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: proxy, Host: "127.0.0.1:2"})}
				}
				to := scheme + "://127.0.0.1:1/"
				_, err := closed(t, c).Dial(soon(t), to)
				if !errors.Is(err, number) || !strings.HasPrefix(err.Error(), "framerail: dial "+to) || !strings.Contains(err.Error(), "connect") {
					t.Errorf("proxy %q, %s: %v, want %v", proxy, scheme, err, number)
				}
			}
		}
	}
}
