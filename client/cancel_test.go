package client

import (
	"context"
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
	"github.com/framerail/framerail/server"
)

// stuck is a dial that comes to a step and no further.
type stuck struct {
	c    *Client
	url  string
	here <-chan struct{} // closed when it has come there
}

// silent accepts connections, reads until it has seen a text, sends another, and says nothing more.
func silent(t *testing.T, until, then string) (addr string, here <-chan struct{}) {
	reached := make(chan struct{})
	var once sync.Once
	addr = accept(t, nil, func(nc net.Conn) {
		defer nc.Close()
		var got strings.Builder
		buf := make([]byte, 1024)
		for {
			if strings.Contains(got.String(), until) {
				_, _ = io.WriteString(nc, then)
				once.Do(func() { close(reached) })
				until = "\x00never"
			}
			n, err := nc.Read(buf)
			if got.Write(buf[:n]); err != nil {
				return
			}
		}
	})
	return addr, reached
}

// steps are the steps of a dial at each of which it may be stuck.
func steps() map[string]func(t *testing.T) stuck {
	waits := func(t *testing.T, what func(here func()) dialFunc) stuck {
		here := make(chan struct{})
		return stuck{&Client{DialContext: what(sync.OnceFunc(func() { close(here) }))}, "ws://name.example/", here}
	}
	at := func(scheme, until, then string, option func(c *Client, addr string)) func(t *testing.T) stuck {
		return func(t *testing.T) stuck {
			addr, here := silent(t, until, then)
			s := stuck{&Client{}, scheme + "://" + addr, here}
			if option != nil {
				option(s.c, addr)
			}
			return s
		}
	}
	through := func(scheme string) func(c *Client, addr string) {
		return func(c *Client, addr string) {
			c.Transport = &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: scheme, Host: addr})}
		}
	}
	return map[string]func(t *testing.T) stuck{
		"DNS": func(t *testing.T) stuck {
			return waits(t, func(here func()) dialFunc {
				resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
					here()
					<-ctx.Done()
					return nil, ctx.Err()
				}}
				return (&net.Dialer{Resolver: resolver}).DialContext
			})
		},
		"TCP": func(t *testing.T) stuck {
			return waits(t, func(here func()) dialFunc {
				return func(ctx context.Context, _, _ string) (net.Conn, error) {
					here()
					<-ctx.Done()
					return nil, ctx.Err()
				}
			})
		},
		"TCP, deadline": func(t *testing.T) stuck {
			return waits(t, func(here func()) dialFunc {
				return func(ctx context.Context, _, _ string) (net.Conn, error) { // it looks at the deadline itself, as package net does
					here()
					near, far := net.Pipe()
					defer far.Close()
					defer near.Close()
					until, _ := ctx.Deadline()
					_ = near.SetDeadline(until)
					defer context.AfterFunc(ctx, func() { _ = near.SetDeadline(time.Unix(1, 0)) })()
					_, err := near.Read(make([]byte, 1))
					return nil, err
				}
			})
		},
		"TLS":              at("wss", "", "", nil),
		"TLS, answered":    at("wss", "\x16", "\x16\x03\x03", nil),
		"proxy":            at("wss", "CONNECT", "", through("http")),
		"proxy, answered":  at("wss", "CONNECT", "HTTP/1.1 200", through("http")),
		"proxy, ws":        at("ws", "CONNECT", "", through("http")),
		"proxy, ws, head":  at("ws", "CONNECT", "HTTP/1.1 200", through("http")),
		"proxy over TLS":   at("ws", "", "", through("https")),
		"SOCKS5":           at("ws", "\x05", "\x05", through("socks5")),
		"request":          at("ws", "", "", nil),
		"answer":           at("ws", "\r\n\r\n", "HTTP/1.1 101 Switching", nil),
		"after interim":    at("ws", "\r\n\r\n", "HTTP/1.1 103 Early Hints\r\n\r\n", nil),
		"answer, redirect": at("ws", "\r\n\r\n", "HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 5\r\n\r\n", func(c *Client, _ string) { c.MaxRedirects = 1 }),
	}
}

// A dial ends when its context does, at whichever step, and leaves nothing: TestMain looks.
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
			if _, err := s.c.Dial(ctx, s.url); !errors.Is(err, context.Canceled) && name != "answer, redirect" || err == nil {
				t.Error(err)
			}
		})
	}
}

// It also ends when the client is closed.
func TestClose_EndsDialsAtEachStep(t *testing.T) { bothWays(t, testClose_EndsDialsAtEachStep) }

func testClose_EndsDialsAtEachStep(t *testing.T) {
	needsLoops(t)
	for name, step := range steps() {
		if name == "answer, redirect" {
			continue // it fails by itself
		}
		t.Run(name, func(t *testing.T) {
			s := step(t)
			closed(t, s.c)
			go func() {
				<-s.here
				_ = s.c.Close()
			}()
			if _, err := s.c.Dial(soon(t), s.url); err != ErrClientClosed {
				t.Error(err)
			}
		})
	}
}

// And when its time is over.
func TestHandshakeTimeout_AtEachStep(t *testing.T) { bothWays(t, testHandshakeTimeout_AtEachStep) }

func testHandshakeTimeout_AtEachStep(t *testing.T) {
	needsLoops(t)
	for name, step := range steps() {
		if name == "answer, redirect" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := step(t)
			closed(t, s.c)
			s.c.HandshakeTimeout = 50 * time.Millisecond
			if _, err := s.c.Dial(soon(t), s.url); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "HandshakeTimeout") {
				t.Error(err)
			}
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
