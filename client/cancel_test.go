package client

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/internal/test/testcert"
	"github.com/framerail/framerail/server"
)

// stuck is a dial that comes to a step and no further.
type stuck struct {
	c      *Client
	url    string
	here   <-chan struct{} // closed when it has come there
	open   *atomic.Int64   // what the dial has there: connections, or calls of the program's functions
	itself bool            // from there it fails by itself
}

// line is what a silent server waits for, what it then says, and whether TLS begins behind that.
type line struct {
	until, then string
	secure      bool
}

// silent accepts connections, goes through its lines on each, and says nothing more.
func silent(t *testing.T, lines ...line) (addr string, here <-chan struct{}, open *atomic.Int64) {
	reached, open := make(chan struct{}), new(atomic.Int64)
	once := sync.OnceFunc(func() { close(reached) })
	addr = accept(t, nil, func(nc net.Conn) {
		open.Add(1)
		defer open.Add(-1)
		defer nc.Close() // before it is counted as gone
		over := nc
		buf := make([]byte, 1024)
		for _, l := range lines {
			var got strings.Builder
			for !strings.Contains(got.String(), l.until) {
				n, err := over.Read(buf)
				if got.Write(buf[:n]); err != nil {
					return
				}
			}
			_, _ = io.WriteString(over, l.then)
			if l.secure {
				over = tls.Server(over, testcert.Config())
			}
		}
		once()
		_, _ = io.Copy(io.Discard, over) // until the client has closed
	})
	return addr, reached, open
}

// stuckIn is a dial that waits in a function of the program's.
func stuckIn(option func(c *Client, wait func(context.Context) error)) func(t *testing.T) stuck {
	return func(*testing.T) stuck {
		here, open := make(chan struct{}), new(atomic.Int64)
		once := sync.OnceFunc(func() { close(here) })
		c := new(Client)
		option(c, func(ctx context.Context) error {
			open.Add(1)
			defer open.Add(-1)
			once()
			<-ctx.Done()
			return ctx.Err()
		})
		return stuck{c: c, url: "ws://name.example/", here: here, open: open}
	}
}

// stuckAt is a dial that waits for a silent server, or for a silent proxy.
func stuckAt(scheme string, option func(c *Client, addr string), lines ...line) func(t *testing.T) stuck {
	return func(t *testing.T) stuck {
		addr, here, open := silent(t, lines...)
		s := stuck{c: &Client{TLSConfig: trust(t)}, url: scheme + "://" + addr, here: here, open: open}
		if option != nil {
			option(s.c, addr)
		}
		return s
	}
}

// through has a client use a proxy.
func through(scheme string) func(c *Client, addr string) {
	return func(c *Client, addr string) {
		proxy := &url.URL{Scheme: scheme, Host: addr, User: url.UserPassword("u", "p")}
		c.Transport = &http.Transport{Proxy: http.ProxyURL(proxy)}
	}
}

// ofTheProgram has a client use a RoundTripper of the program's.
func ofTheProgram(c *Client, _ string) {
	c.Transport = roundTripper((&http.Transport{TLSClientConfig: c.TLSConfig, DisableKeepAlives: true}).RoundTrip)
}

// itself is a dial that fails by itself, if nothing else ends it.
func itself(step func(*testing.T) stuck) func(*testing.T) stuck {
	return func(t *testing.T) stuck {
		s := step(t)
		s.itself = true
		return s
	}
}

// steps are the steps of a dial at each of which it may be stuck.
func steps() map[string]func(t *testing.T) stuck {
	const end = "\r\n\r\n"
	hello := line{until: "\x16"}                           // the record of a ClientHello
	halfHello := line{until: "\x16", then: "\x16\x03\x03"} // and half the head of an answer's
	request := line{until: end}                            // or a CONNECT
	half := line{until: end, then: "HTTP/1.1 101 Switching"}
	begins := line{secure: true} // TLS at once
	connected := line{until: end, then: "HTTP/1.1 200 OK\r\n\r\n"}
	connectedTLS := line{connected.until, connected.then, true}                                // TLS in the tunnel
	method := line{until: "\x05\x02\x00\x02", then: "\x05\x02"}                                // RFC 1928 3: the password is wanted
	password := line{until: "\x01\x01u\x01p", then: "\x01\x00"}                                // RFC 1929 2: it is right
	reply := line{until: "\x05\x01\x00\x01", then: "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"} // RFC 1928 6: success
	return map[string]func(t *testing.T) stuck{
		"DNS": stuckIn(func(c *Client, wait func(context.Context) error) {
			c.DialContext = (&net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return nil, wait(ctx)
			}}}).DialContext
		}),
		"TCP": stuckIn(func(c *Client, wait func(context.Context) error) {
			c.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return nil, wait(ctx) }
		}),
		"TCP, deadline": func(*testing.T) stuck {
			here, open := make(chan struct{}), new(atomic.Int64)
			once := sync.OnceFunc(func() { close(here) })
			dial := func(ctx context.Context, _, _ string) (net.Conn, error) { // it looks at the deadline itself, as package net does
				open.Add(1)
				defer open.Add(-1)
				once()
				near, far := net.Pipe()
				defer far.Close()
				defer near.Close()
				until, _ := ctx.Deadline()
				_ = near.SetDeadline(until)
				defer context.AfterFunc(ctx, func() { _ = near.SetDeadline(time.Unix(1, 0)) })()
				_, err := near.Read(make([]byte, 1))
				return nil, err
			}
			return stuck{c: &Client{DialContext: dial}, url: "ws://name.example/", here: here, open: open}
		},

		"TLS":              stuckAt("wss", nil, line{}),
		"TLS, answered":    stuckAt("wss", nil, halfHello),
		"request":          stuckAt("ws", nil, line{}),
		"answer":           stuckAt("ws", nil, half),
		"answer over TLS":  stuckAt("wss", nil, begins, half),
		"after interim":    stuckAt("ws", nil, line{until: end, then: "HTTP/1.1 103 Early Hints\r\n\r\n"}),
		"refusal, body":    itself(stuckAt("ws", nil, line{until: end, then: "HTTP/1.1 403 No\r\nContent-Length: 10\r\n\r\nno"})),
		"refusal over TLS": itself(stuckAt("wss", nil, begins, line{until: end, then: "HTTP/1.1 403 No\r\nContent-Length: 10\r\n\r\nno"})),
		"answer, redirect": itself(stuckAt("ws", func(c *Client, _ string) { c.MaxRedirects = 1 },
			line{until: end, then: "HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 5\r\n\r\n"})),

		"proxy":                         stuckAt("wss", through("http"), request),
		"proxy, answered":               stuckAt("wss", through("http"), line{until: end, then: "HTTP/1.1 200"}),
		"proxy, ws":                     stuckAt("ws", through("http"), request),
		"proxy, ws, head":               stuckAt("ws", through("http"), line{until: end, then: "HTTP/1.1 200"}),
		"tunnel, request":               stuckAt("ws", through("http"), connected, request),
		"tunnel, answer":                stuckAt("ws", through("http"), connected, half),
		"tunnel, TLS":                   stuckAt("wss", through("http"), connected, hello),
		"tunnel, TLS, answered":         stuckAt("wss", through("http"), connected, halfHello),
		"tunnel, answer over TLS":       stuckAt("wss", through("http"), connectedTLS, half),
		"proxy over TLS":                stuckAt("ws", through("https"), hello),
		"proxy over TLS, CONNECT":       stuckAt("wss", through("https"), begins, request),
		"proxy over TLS, CONNECT, ws":   stuckAt("ws", through("https"), begins, request),
		"proxy over TLS, head":          stuckAt("wss", through("https"), begins, line{until: end, then: "HTTP/1.1 200"}),
		"proxy over TLS, head, ws":      stuckAt("ws", through("https"), begins, line{until: end, then: "HTTP/1.1 200"}),
		"tunnel over TLS, TLS":          stuckAt("wss", through("https"), begins, connected, hello),
		"tunnel over TLS, TLS answered": stuckAt("wss", through("https"), begins, connected, halfHello),
		"tunnel over TLS, answer":       stuckAt("wss", through("https"), begins, connectedTLS, half),
		"tunnel over TLS, answer, ws":   stuckAt("ws", through("https"), begins, connected, half),

		"SOCKS5":           stuckAt("ws", through("socks5"), line{until: "\x05", then: "\x05"}),
		"SOCKS5, password": stuckAt("ws", through("socks5"), method, line{until: password.until}),
		"SOCKS5, connect":  stuckAt("ws", through("socks5"), method, password, line{until: reply.until}),
		"SOCKS5, reply":    stuckAt("ws", through("socks5"), method, password, line{until: reply.until, then: reply.then[:5]}),
		"SOCKS5, request":  stuckAt("ws", through("socks5"), method, password, reply, request),
		"SOCKS5, TLS":      stuckAt("wss", through("socks5"), method, password, reply, hello),

		"RoundTripper": stuckIn(func(c *Client, wait func(context.Context) error) {
			c.Transport = roundTripper(func(r *http.Request) (*http.Response, error) { return nil, wait(r.Context()) })
		}),
		"RoundTripper, request":         stuckAt("ws", ofTheProgram, request),
		"RoundTripper, answer":          stuckAt("ws", ofTheProgram, half),
		"RoundTripper, answer over TLS": stuckAt("wss", ofTheProgram, begins, half),
	}
}

// gone fails the test unless the dial has let go of all that it had at the step, while its client is still open.
func (s stuck) gone(t *testing.T) {
	t.Helper()
	for ctx := soon(t); s.open.Load() != 0; time.Sleep(time.Millisecond) {
		if ctx.Err() != nil {
			t.Fatalf("the dial has ended, and %d connections of it are left", s.open.Load())
		}
	}
}

// A dial ends when its context does, at whichever step, and leaves nothing that waits for the client's end.
// TestMain looks at goroutines, too.
func TestCancel_AtEachStep(t *testing.T) { bothWays(t, testCancel_AtEachStep) }

func testCancel_AtEachStep(t *testing.T) {
	needsLoops(t)
	for name, step := range steps() {
		t.Run(name, func(t *testing.T) {
			s := step(t)
			closed(t, s.c)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			go func() {
				<-s.here
				cancel()
			}()
			if _, err := s.c.Dial(ctx, s.url); !errors.Is(err, context.Canceled) && !s.itself || err == nil {
				t.Error(err)
			}
			s.gone(t)
		})
	}
}

// It also ends when the client is closed.
func TestClose_EndsDialsAtEachStep(t *testing.T) { bothWays(t, testClose_EndsDialsAtEachStep) }

func testClose_EndsDialsAtEachStep(t *testing.T) {
	needsLoops(t)
	for name, step := range steps() {
		t.Run(name, func(t *testing.T) {
			s := step(t)
			closed(t, s.c)
			go func() {
				<-s.here
				_ = s.c.Close()
			}()
			if _, err := s.c.Dial(soon(t), s.url); err != ErrClientClosed && !s.itself || err == nil {
				t.Error(err)
			}
			s.gone(t)
		})
	}
}

// And when its time is over.
func TestHandshakeTimeout_AtEachStep(t *testing.T) { bothWays(t, testHandshakeTimeout_AtEachStep) }

func testHandshakeTimeout_AtEachStep(t *testing.T) {
	needsLoops(t)
	for name, step := range steps() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := step(t)
			closed(t, s.c)
			s.c.HandshakeTimeout = 50 * time.Millisecond
			_, err := s.c.Dial(soon(t), s.url)
			if late := errors.Is(err, context.DeadlineExceeded) && strings.Contains(err.Error(), "HandshakeTimeout"); !late && !s.itself || err == nil {
				t.Error(err)
			}
			s.gone(t)
		})
	}
}

// A step that fails by the deadline before the context is done fails because of that.
func TestHandshakeTimeout_SeenBeforeTheContextIsDone(t *testing.T) {
	ctx, cancel := context.WithTimeoutCause(context.Background(), 20*time.Millisecond, errLate)
	defer cancel()
	run := &running{system: platform.Real{}}
	err := run.explain(early{ctx, time.Now()}, &url.URL{Scheme: "ws", Host: "server.example"}, os.ErrDeadlineExceeded)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "HandshakeTimeout") {
		t.Error(err)
	}
}

// early is a context that is done a while after its deadline.
type early struct {
	context.Context
	until time.Time
}

func (e early) Deadline() (time.Time, bool) { return e.until, true }

// The program's own cause is in the error.
func TestCancel_Cause(t *testing.T) { bothWays(t, testCancel_Cause) }

func testCancel_Cause(t *testing.T) {
	needsLoops(t)
	why := errors.New("the user has left")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(why)
	_, err := closed(t, new(Client)).Dial(ctx, "ws://127.0.0.1:1/")
	if !errors.Is(err, why) || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// A dial whose context ends while OnConnection runs fails, and closes the connection.
func TestCancel_WhileOnConnectionRuns(t *testing.T) { bothWays(t, testCancel_WhileOnConnectionRuns) }

func testCancel_WhileOnConnectionRuns(t *testing.T) {
	url := start(t, new(server.Server), false)
	in := newInbox()
	c := closed(t, in.in(&Client{Dispatch: conn.OnGoroutines}))
	why := errors.New("the user has left")
	ctx, cancel := context.WithCancelCause(context.Background())
	goOn := make(chan struct{})
	c.OnConnection = func(*conn.Conn) {
		cancel(why)
		<-goOn
	}
	_, err := c.Dial(ctx, url)
	close(goOn)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, why) {
		t.Error(err)
	}
	if i := in.ends(t); i.By != conn.Local {
		t.Error(i)
	}
}

// Contexts that end at any moment, that of the answer too, leave nothing behind.
func TestCancel_AtAnyMoment(t *testing.T) { bothWays(t, testCancel_AtAnyMoment) }

func testCancel_AtAnyMoment(t *testing.T) {
	var open atomic.Int64
	srv := &server.Server{
		OnConnection: func(*conn.Conn) { open.Add(1) },
		OnClose:      func(*conn.Conn, conn.CloseInfo) { open.Add(-1) },
	}
	for _, secure := range []bool{false, true} {
		url := start(t, srv, secure)
		c := closed(t, &Client{TLSConfig: trust(t)})
		var succeeded atomic.Int64
		var all sync.WaitGroup
		for i := range 200 {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i)*50*time.Microsecond)
				defer cancel()
				nc, err := c.Dial(ctx, url)
				if err == nil {
					succeeded.Add(1)
					_ = nc.Close(1000, "")
				}
			})
		}
		all.Wait()
		t.Logf("TLS %v: %d of 200 dials succeeded", secure, succeeded.Load())
		for deadline := time.Now().Add(patience); open.Load() != 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d connections are left", open.Load())
			}
		}
		srv = &server.Server{OnConnection: srv.OnConnection, OnClose: srv.OnClose}
	}
}
