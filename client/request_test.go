package client

import (
	"context"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/server"
)

// All spellings of a field's name are one field, and each request has the values of all.
func TestRequest_SpellingsOfAName(t *testing.T) {
	needsLoops(t)
	twice := func() http.Header { return http.Header{"X-a": {"1"}, "x-A": {"2", "3"}} }
	want := []string{"1", "2", "3"}
	for name, tc := range map[string]struct {
		client, program http.Header
		want            []string
	}{
		"of the client":            {twice(), nil, want},
		"of the request":           {nil, twice(), want},
		"in place of the client's": {http.Header{"X-A": {"0"}}, twice(), want},
	} {
		run, err := closed(t, &Client{Header: tc.client}).begin()
		if err != nil {
			t.Fatal(err)
		}
		defer run.busy.End()
		for range 20 { // a map has no order
			program, err := parse(context.Background(), "ws://server.example/")
			if err != nil {
				t.Fatal(err)
			}
			program.Header = tc.program
			req, err := run.request(context.Background(), program, new(handshake.Offer))
			if err != nil {
				t.Fatal(err)
			}
			if got := req.Header["X-A"]; !slices.Equal(got, tc.want) {
				t.Errorf("%s: %q", name, got)
			}
		}
	}
}

// Code of the program's that does not return from a dial leaves no connection open.
func TestDial_CodeThatDoesNotReturn(t *testing.T) { bothWays(t, testCodeThatDoesNotReturn) }

func testCodeThatDoesNotReturn(t *testing.T) {
	refusing := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		w.WriteHeader(http.StatusForbidden)
	})
	accepting := start(t, new(server.Server), false)
	ends := map[string]func(){"panic": func() { panic("not a WebSocket") }, "Goexit": runtime.Goexit}
	for name, dial := range map[string]func(c *Client, end func()) string{
		"Check": func(c *Client, end func()) string {
			c.Check = func(*http.Response) error { end(); return nil }
			return accepting
		},
		"Check behind a RoundTripper": func(c *Client, end func()) string {
			base := &http.Transport{DialContext: c.DialContext, DisableKeepAlives: true}
			c.DialContext, c.Transport = nil, roundTripper(base.RoundTrip)
			c.Check = func(*http.Response) error { end(); return nil }
			return accepting
		},
		"Jar": func(c *Client, end func()) string {
			c.Jar = endingJar{new(cookiejar.Jar), end}
			return refusing
		},
	} {
		for how, end := range ends {
			t.Run(name+" "+how, func(t *testing.T) {
				gone := make(chan struct{})
				c := closed(t, new(Client))
				c.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
					nc, err := new(net.Dialer).DialContext(ctx, network, addr)
					return &tellingConn{Conn: nc, closed: gone}, err
				}
				url := dial(c, end)
				go func() {
					defer func() { _ = recover() }()
					_, _ = c.Dial(soon(t), url)
					t.Error("Dial has returned")
				}()
				next(t, gone, "the end of the connection")
			})
		}
	}
}

// endingJar ends its caller when it is given cookies.
type endingJar struct {
	http.CookieJar
	end func()
}

func (j endingJar) SetCookies(*url.URL, []*http.Cookie) { j.end() }

// tellingConn closes a channel when it is closed first.
type tellingConn struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
}

func (c *tellingConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
