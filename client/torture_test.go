//go:build faults && linux

package client

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/inject"
	"github.com/framerail/framerail/internal/test/testcert"
)

// Each call of the system that this package makes for a dial, an echo and a close fails once, with a server and
// behind proxies, with TLS and without. The dial fails, or the connection ends, or nothing is noticed. Nothing
// hangs, and nothing is left behind: TestMain looks.
func TestTorture(t *testing.T) {
	echoes := func(nc net.Conn, r *bufio.Reader) {
		for {
			h, payload, err := readFrame(r)
			if err != nil {
				return
			}
			h.Masked = false
			_, _ = nc.Write(frame.AppendFrame(nil, h, payload))
			if h.Opcode == frame.Close {
				return
			}
		}
	}
	plain, secure := serveFrames(t, "", echoes), serveFramesTLS(t, echoes)
	var used atomic.Int64
	by := func(proxy *url.URL) *http.Transport { return &http.Transport{Proxy: http.ProxyURL(proxy)} }
	overHTTP, overHTTPS := by(connectProxy(t, nil, &used)), by(connectProxy(t, testcert.Config(), &used))
	for _, tc := range []struct {
		name      string
		url       string
		dial      dialFunc
		transport http.RoundTripper
	}{
		{"moved", plain, nil, nil},
		{"relayed", plain, dialWrapped, nil},
		{"TLS", secure, nil, nil},
		{"TLS, relayed", secure, dialWrapped, nil},
		{"HTTP proxy", plain, nil, overHTTP},
		{"HTTP proxy, TLS", secure, nil, overHTTP},
		{"HTTPS proxy", plain, nil, overHTTPS},
		{"HTTPS proxy, TLS", secure, nil, overHTTPS},
	} {
		made := 0
		for site := range inject.Sites {
			if site == inject.Close { // whose failure leaves a descriptor
				continue
			}
			calls := 0
			for n := int64(1); ; n++ {
				var called atomic.Int64
				inject.Plan(func(s inject.Site) syscall.Errno {
					if s == site && called.Add(1) == n {
						return syscall.ENOMEM
					}
					return 0
				})
				if converseOnce(t, &Client{DialContext: tc.dial, Transport: tc.transport, TLSConfig: trust(t)}, tc.url) {
					made++
				}
				inject.Plan(nil)
				if called.Load() < n {
					break
				}
				if calls++; calls == 50 {
					break
				}
			}
			t.Logf("%s: %v failed at %d places", tc.name, site, calls)
		}
		if made == 0 {
			t.Errorf("%s: no dial has succeeded, so hardly a call was there to fail", tc.name)
		}
	}
}

// serveFramesTLS is serveFrames over TLS.
func serveFramesTLS(t *testing.T, f func(nc net.Conn, r *bufio.Reader)) (url string) {
	return "wss://" + accept(t, testcert.Config(), func(nc net.Conn) {
		defer nc.Close()
		_ = nc.SetDeadline(time.Now().Add(patience))
		in := bufio.NewReader(nc)
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		_, _ = fmt.Fprintf(nc, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
			handshake.Accept(r.Header.Get("Sec-Websocket-Key")))
		f(nc, in)
		_, _ = io.Copy(io.Discard, nc) // until the client has closed
	})
}

// converseOnce dials, sends a message, and closes when it is back. It reports whether the dial has succeeded.
func converseOnce(t *testing.T, c *Client, url string) bool {
	ended := make(chan struct{})
	c.Logger = quiet
	c.Limits = Limits{Limits: conn.Limits{CloseTimeout: 500 * time.Millisecond, IdleTimeout: time.Second}, HandshakeTimeout: patience}
	c.OnMessage = func(c *conn.Conn, _ conn.Message) { _ = c.Close(1000, "") }
	c.OnClose = func(*conn.Conn, conn.CloseInfo) { close(ended) }
	ws, err := c.Dial(context.Background(), url)
	if err == nil {
		_ = ws.SendText("hello")
		select {
		case <-ended:
		case <-time.After(patience):
			t.Error("the connection does not end")
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if late := c.Shutdown(ctx); ctx.Err() != nil {
		t.Error(late)
	}
	return err == nil
}
