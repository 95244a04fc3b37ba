package client

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/test/testcert"
	"github.com/framerail/framerail/server"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

var quiet = slog.New(slog.DiscardHandler)

// needsLoops skips a test on systems without an event loop.
func needsLoops(t *testing.T) {
	t.Helper()
	if err := (platform.Real{}).Supported(); err != nil {
		t.Skip(err)
	}
}

// soon is a context for what must come.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// trust trusts the test certificate.
func trust(t *testing.T) *tls.Config {
	t.Helper()
	return testcert.Trusting()
}

// echo answers each message with the same.
func echo(c *conn.Conn, m conn.Message) { _ = c.SendMessage(m) }

// start starts a server of ours and returns its URL. Without a callback for messages it echoes.
func start(t *testing.T, srv *server.Server, secure bool) (url string) {
	t.Helper()
	needsLoops(t)
	if srv.OnMessage == nil && srv.OnStream == nil {
		srv.OnMessage = echo
	}
	srv.Addr, srv.Loops, srv.Logger = "127.0.0.1:0", 1, quiet
	if srv.HandshakeTimeout == 0 { // on a slow machine clients take their time
		srv.HandshakeTimeout = time.Minute
	}
	scheme := "ws"
	var err error
	if secure {
		scheme, srv.TLSConfig = "wss", testcert.Config().Clone()
		err = srv.StartTLS("", "")
	} else {
		err = srv.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	return scheme + "://" + srv.ListenAddr().String()
}

// startAsking is start, for a server that asks clients for a certificate.
func startAsking(t *testing.T, srv *server.Server, auth tls.ClientAuthType) (url string) {
	t.Helper()
	needsLoops(t)
	srv.TLSConfig = testcert.Config().Clone()
	srv.TLSConfig.ClientAuth = auth
	srv.OnMessage, srv.Addr, srv.Loops, srv.Logger, srv.HandshakeTimeout = echo, "127.0.0.1:0", 1, quiet, time.Minute
	if err := srv.StartTLS("", ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	return "wss://" + srv.ListenAddr().String()
}

// serveHTTP serves a handler of net/http's and returns its URL for WebSockets.
func serveHTTP(t *testing.T, h http.HandlerFunc) (url string) {
	t.Helper()
	needsLoops(t)
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return "ws" + s.URL[len("http"):]
}

// serveRaw answers each connection with what f writes behind the request, and closes it with the test.
func serveRaw(t *testing.T, f func(nc net.Conn, r *http.Request)) (url string) {
	t.Helper()
	return serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		nc, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer nc.Close()
		_ = nc.SetDeadline(time.Now().Add(patience))
		f(nc, r)
		_, _ = io.Copy(io.Discard, nc) // until the client has closed
	})
}

// byTransport is in the names of tests whose clients dial by net/http's Transport.
const byTransport = "by_Transport"

// bothWays runs a test with direct dials, and with dials by net/http's Transport, as far as its clients leave the
// choice.
func bothWays(t *testing.T, test func(*testing.T)) {
	t.Run("direct", test)
	t.Run(byTransport, test)
}

// closed closes a client with the test.
func closed(t *testing.T, c *Client) *Client {
	if c.Transport == nil && strings.Contains(t.Name(), byTransport) {
		c.Transport = &http.Transport{Proxy: http.ProxyFromEnvironment}
	}
	if c.Logger == nil {
		c.Logger = quiet
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// inbox is what a connection has been sent.
type inbox struct {
	messages chan string
	end      chan conn.CloseInfo
	once     sync.Once
}

func newInbox() *inbox {
	return &inbox{messages: make(chan string, 1000), end: make(chan conn.CloseInfo, 1)}
}

// in has a client's messages and ends go to the inbox.
func (in *inbox) in(c *Client) *Client {
	c.OnMessage = func(_ *conn.Conn, m conn.Message) { in.messages <- m.String() }
	c.OnClose = func(_ *conn.Conn, i conn.CloseInfo) { in.once.Do(func() { in.end <- i }) }
	return c
}

// expect fails unless that message comes next.
func (in *inbox) expect(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-in.messages:
		if got != want {
			t.Fatalf("got %.100q, want %.100q", got, want)
		}
	case i := <-in.end:
		t.Fatalf("it ended: %v", i)
	case <-time.After(patience):
		t.Fatalf("%.100q does not come", want)
	}
}

// ends waits for the end of the connection.
func (in *inbox) ends(t *testing.T) conn.CloseInfo {
	t.Helper()
	select {
	case i := <-in.end:
		return i
	case <-time.After(patience):
		t.Fatal("it does not end")
		return conn.CloseInfo{}
	}
}

// mustDial fails the test if the dial fails.
func mustDial(t *testing.T, c *Client, url string) *conn.Conn {
	t.Helper()
	nc, err := c.Dial(soon(t), url)
	if err != nil {
		t.Fatal(err)
	}
	return nc
}

// checkEcho sends a few messages and waits for the same.
func checkEcho(t *testing.T, c *conn.Conn, in *inbox) {
	t.Helper()
	for _, text := range []string{"", "hello", string(make([]byte, 100_000))} {
		if err := c.SendText(text); err != nil {
			t.Fatal(err)
		}
		in.expect(t, text)
	}
}
