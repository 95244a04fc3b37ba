package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/test/testcert"
	"github.com/framerail/framerail/server"
)

// roundTripper hides what it calls.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// wrappedConn is a connection that this package does not know.
type wrappedConn struct{ net.Conn }

func dialWrapped(ctx context.Context, network, addr string) (net.Conn, error) {
	nc, err := new(net.Dialer).DialContext(ctx, network, addr)
	return wrappedConn{nc}, err
}

// A connection whose socket is hidden is relayed, with the same callbacks.
func TestTransport_HiddenSocket(t *testing.T) {
	config := trust(t)
	hiding := func() *http.Transport {
		base := &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}
		t.Cleanup(base.CloseIdleConnections)
		return base
	}
	for name, c := range map[string]*Client{
		"RoundTripper": {Transport: roundTripper(hiding().RoundTrip)},
		"DialContext":  {TLSConfig: config, DialContext: dialWrapped},
		"Dial and DialTLS": {Transport: &http.Transport{
			//lint:ignore SA1019 a program may have it
			Dial: func(network, addr string) (net.Conn, error) { return dialWrapped(context.Background(), network, addr) },
			//lint:ignore SA1019 as above
			DialTLS: func(network, addr string) (net.Conn, error) { return tls.Dial(network, addr, config) },
		}},
		"DialTLSContext": {TLSConfig: config, DialContext: dialWrapped, Transport: &http.Transport{DialTLSContext: (&tls.Dialer{Config: config}).DialContext}},
	} {
		for _, secure := range []bool{false, true} {
			t.Run(name+map[bool]string{false: " plain", true: " TLS"}[secure], func(t *testing.T) {
				srv := new(server.Server)
				srv.OnConnection = func(c *conn.Conn) { _ = c.SendText("first") }
				url := start(t, srv, secure)
				in := newInbox()
				c := &Client{TLSConfig: c.TLSConfig, Transport: c.Transport, DialContext: c.DialContext}
				closed(t, in.in(c))
				nc := mustDial(t, c, url)
				in.expect(t, "first")
				checkEcho(t, nc, in)
				if !hasRelays(c, 1) {
					t.Errorf("%d relayed", relays(c))
				}
				if state := nc.TLS(); (state != nil) != secure || secure && state.Version < tls.VersionTLS12 {
					t.Errorf("TLS: %+v", state)
				}
				_ = nc.Close(1000, "done")
				if i := in.ends(t); !i.Clean() || i.Received != 1000 {
					t.Errorf("it ended with %v", i)
				}
			})
		}
	}
}

// A server that vanishes, and one that does not read, end a relayed connection as any other.
func TestTransport_HiddenSocketBreaks(t *testing.T) {
	relayed := func(serve func(nc net.Conn)) (*conn.Conn, *inbox) {
		url := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
			nc, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer nc.Close()
			_, _ = fmt.Fprintf(nc, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
				handshake.Accept(r.Header.Get("Sec-Websocket-Key")))
			serve(nc)
		})
		base := &http.Transport{DisableKeepAlives: true}
		in := newInbox()
		c := closed(t, in.in(&Client{Transport: roundTripper(base.RoundTrip), Limits: Limits{Limits: conn.Limits{CloseTimeout: time.Millisecond}}}))
		return mustDial(t, c, url), in
	}
	t.Run("vanishes", func(t *testing.T) {
		_, in := relayed(func(net.Conn) {})
		if i := in.ends(t); i.By != conn.Nobody || i.Received != frame.AbnormalClosure || !errors.Is(i.Err, conn.ErrUnexpectedEOF) {
			t.Error(i)
		}
	})
	t.Run("does not read", func(t *testing.T) {
		over := make(chan struct{})
		defer close(over)
		nc, in := relayed(func(net.Conn) { <-over })
		part, err := make([]byte, 64<<10), error(nil)
		for err == nil {
			err = nc.SendBinary(part)
		}
		if i := in.ends(t); !errors.Is(err, conn.ErrPendingFull) || i.By != conn.Local || i.Sent != frame.TryAgainLater || !errors.Is(i.Err, conn.ErrPendingFull) {
			t.Error(err, i)
		}
	})
}

// A server that closes ends a relayed connection as any other.
func TestTransport_HiddenSocketIsClosed(t *testing.T) {
	url := start(t, &server.Server{OnMessage: func(c *conn.Conn, _ conn.Message) { _ = c.Close(1008, "no") }}, false)
	base := &http.Transport{DisableKeepAlives: true}
	in := newInbox()
	c := closed(t, in.in(&Client{Transport: roundTripper(base.RoundTrip)}))
	nc := mustDial(t, c, url)
	_ = nc.SendText("x")
	if i := in.ends(t); i.Received != 1008 || i.Reason != "no" || i.By != conn.Peer {
		t.Error(i)
	}
}

// A RoundTripper that has taken the connection away is an error.
func TestTransport_WithoutConnection(t *testing.T) {
	url := start(t, new(server.Server), false)
	base := &http.Transport{DisableKeepAlives: true}
	c := closed(t, &Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		resp, err := base.RoundTrip(r)
		if err == nil {
			_ = resp.Body.Close()
			resp.Body = http.NoBody
		}
		return resp, err
	})})
	if _, err := c.Dial(soon(t), url); err == nil || !strings.Contains(err.Error(), "RoundTripper") {
		t.Error(err)
	}
}

// The program's Transport is cloned: its settings stay, and it is not changed.
func TestTransport_IsCloned(t *testing.T) {
	program := &http.Transport{MaxResponseHeaderBytes: 4 << 10, ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{ServerName: "name"}}
	rt, _, own, err := (&Client{Transport: program}).transport()
	if err != nil || !own {
		t.Fatal(err)
	}
	got := rt.(*http.Transport)
	if got == program || program.DisableKeepAlives || program.DialContext != nil || program.TLSClientConfig.ClientSessionCache != nil {
		t.Error("it was changed")
	}
	if got.MaxResponseHeaderBytes != 4<<10 || got.TLSClientConfig.ServerName != "name" || !got.DisableKeepAlives {
		t.Errorf("%+v", got)
	}
	c := &Client{TLSConfig: &tls.Config{Renegotiation: tls.RenegotiateFreelyAsClient}}
	if _, _, _, err := c.transport(); err != errRenegotiation {
		t.Error(err)
	}
}

// The program's protocols are offered by ALPN, without that of HTTP/2. A Transport offers none.
func TestTLS_ALPN(t *testing.T) { bothWays(t, testTLS_ALPN) }

func testTLS_ALPN(t *testing.T) {
	offered := make(chan []string, 1)
	config := testcert.Config().Clone()
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		offered <- hello.SupportedProtos
		return nil, nil
	}
	addr := accept(t, config, func(nc net.Conn) {
		_ = nc.(*tls.Conn).Handshake()
		_ = nc.Close()
	})
	for _, tc := range []struct{ program, want []string }{
		{nil, nil}, {[]string{"h2"}, nil}, {[]string{"h2", "http/1.1", "x"}, []string{"http/1.1", "x"}},
	} {
		config := trust(t).Clone()
		config.NextProtos = slices.Clone(tc.program)
		c := closed(t, &Client{TLSConfig: config})
		if c.Transport != nil {
			tc.want = nil
		}
		if _, err := c.Dial(soon(t), "wss://"+addr); err == nil {
			t.Error("there is no server")
		}
		if got := next(t, offered, "a client"); !slices.Equal(got, tc.want) {
			t.Errorf("%q: %q are offered", tc.program, got)
		}
		if !slices.Equal(config.NextProtos, tc.program) {
			t.Error("the program's configuration was changed")
		}
	}
}

// A client's certificate reaches the server, and a server's that is not trusted ends the dial.
func TestTLS_Certificates(t *testing.T) { bothWays(t, testTLS_Certificates) }

func testTLS_Certificates(t *testing.T) {
	own := testcert.Config().Certificates
	srv := new(server.Server)
	url := start(t, srv, true)
	if _, err := closed(t, new(Client)).Dial(soon(t), url); err == nil || !strings.Contains(err.Error(), "x509") {
		t.Error(err)
	}
	certificates := make(chan []*x509.Certificate, 1)
	mutual := startAsking(t, &server.Server{OnConnection: func(c *conn.Conn) { certificates <- c.TLS().PeerCertificates }}, tls.RequireAnyClientCert)
	config := trust(t)
	config.Certificates = own
	in := newInbox()
	nc := mustDial(t, closed(t, in.in(&Client{TLSConfig: config})), mutual)
	checkEcho(t, nc, in)
	if got := <-certificates; len(got) != 1 {
		t.Errorf("%d certificates", len(got))
	}
}

// A second dial resumes the TLS session of the first.
func TestTLS_SessionIsResumed(t *testing.T) { bothWays(t, testTLS_SessionIsResumed) }

func testTLS_SessionIsResumed(t *testing.T) {
	url := start(t, new(server.Server), true)
	in := newInbox()
	c := closed(t, in.in(&Client{TLSConfig: trust(t)}))
	for i, resumed := range []bool{false, true} {
		nc := mustDial(t, c, url)
		checkEcho(t, nc, in) // the ticket comes with what the server sends
		if got := nc.TLS().DidResume; got != resumed {
			t.Errorf("dial %d resumed: %v", i, got)
		}
	}
}

// The program's own trace sees the dial.
func TestDial_Trace(t *testing.T) {
	url := start(t, new(server.Server), false)
	seen := make(chan string, 10) // the last one when the answer may have come
	ctx := httptrace.WithClientTrace(soon(t), &httptrace.ClientTrace{
		ConnectDone:  func(_, _ string, _ error) { seen <- "connected" },
		GotConn:      func(httptrace.GotConnInfo) { seen <- "got" },
		WroteRequest: func(httptrace.WroteRequestInfo) { seen <- "wrote" },
	})
	c := closed(t, new(Client))
	if _, err := c.Dial(ctx, url); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"connected", "got", "wrote"} {
		if got := next(t, seen, want); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Where there are pings, TCP does not probe.
func TestNetDialer_KeepAlive(t *testing.T) {
	for _, tc := range []struct {
		limits Limits
		probes bool
	}{
		{Limits{}, false},
		{Limits{Limits: conn.Limits{IdleTimeout: -1}}, true},
		{Limits{Limits: conn.Limits{IdleTimeout: -1}, PingInterval: 1}, false},
	} {
		if d := (&Client{Limits: tc.limits}).netDialer(); (d.KeepAlive >= 0) != tc.probes {
			t.Errorf("%+v: %v", tc.limits, d.KeepAlive)
		}
	}
}

// A relayed connection sees the socket below what hides it: what is unsent can be discarded.
func TestHidden_NetConn(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	if h := hide(near, near, nil).(*hidden); h.NetConn() != near {
		t.Error("it is another")
	}
	if h := hide(near, nil, new(tls.ConnectionState)).(*hiddenTLS); h.NetConn() != nil || h.RemoteAddr().String() != "unknown" || h.LocalAddr().Network() != "unknown" {
		t.Error("something is known")
	}
}
