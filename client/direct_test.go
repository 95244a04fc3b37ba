package client

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/platform"
)

// Only a dial for which a Transport would do nothing is direct.
func TestDirect_IsOnlyWhatNeedsNoTransport(t *testing.T) {
	needsLoops(t)
	dialer := new(net.Dialer).DialContext
	proxy := func(*http.Request) (*url.URL, error) { return &url.URL{Scheme: "http", Host: "proxy.example"}, nil }
	traced := httptrace.WithClientTrace(context.Background(), new(httptrace.ClientTrace))
	for name, tc := range map[string]struct {
		c      *Client
		url    string
		header http.Header
		proxy  func(*http.Request) (*url.URL, error)
		ctx    context.Context
		want   bool
	}{
		"plain":        {c: &Client{}, want: true},
		"TLS":          {c: &Client{}, url: "wss://server.example/", want: true},
		"jar":          {c: &Client{Jar: new(cookiejar.Jar)}, want: true},
		"DialContext":  {c: &Client{DialContext: dialer}, want: true},
		"Transport":    {c: &Client{Transport: new(http.Transport)}},
		"RoundTripper": {c: &Client{Transport: roundTripper(nil)}},
		"redirects":    {c: &Client{MaxRedirects: 1}},
		"proxy":        {c: &Client{}, proxy: proxy},
		"trace":        {c: &Client{}, ctx: traced},
		"another host": {c: &Client{}, url: "ws://bücher.example/"},
		"long":         {c: &Client{}, header: http.Header{"X": {strings.Repeat("x", directMost)}}},
	} {
		t.Run(name, func(t *testing.T) {
			run, err := closed(t, tc.c).begin()
			if err != nil {
				t.Fatal(err)
			}
			defer run.busy.End()
			if tc.proxy != nil {
				run.direct.proxy = tc.proxy
			}
			if tc.ctx == nil {
				tc.ctx = context.Background()
			}
			if tc.url == "" {
				tc.url = "ws://server.example/"
			}
			program, err := parse(tc.ctx, tc.url)
			if err != nil {
				t.Fatal(err)
			}
			program.Header = tc.header
			req, err := run.request(tc.ctx, program, new(handshake.Offer))
			if err != nil {
				t.Fatal(err)
			}
			if got := run.direct.head(req) != nil; got != tc.want {
				t.Errorf("direct: %v", got)
			}
		})
	}
}

// A server sees the same request either way, but for the key.
func TestDirect_SendsWhatATransportSends(t *testing.T) {
	needsLoops(t)
	heads := make(chan []string, 1)
	addr := accept(t, nil, func(nc net.Conn) {
		defer nc.Close()
		var lines []string
		in := bufio.NewReader(nc)
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			if !strings.HasPrefix(line, "Sec-WebSocket-Key: ") {
				lines = append(lines, line)
			}
			if line == "\r\n" {
				break
			}
		}
		heads <- lines
		_, _ = io.WriteString(nc, "HTTP/1.1 403 No\r\nConnection: close\r\n\r\n")
	})
	jar, _ := cookiejar.New(nil)
	jar.SetCookies(&url.URL{Scheme: "http", Host: addr}, []*http.Cookie{{Name: "a", Value: "b"}, {Name: "c", Value: "d e"}})
	for name, value := range map[string]string{"short": "1", "long": strings.Repeat("x", directMost)} {
		var seen [2][]string
		for i, rt := range []http.RoundTripper{nil, new(http.Transport)} {
			c := closed(t, &Client{Transport: rt, Jar: jar, Header: http.Header{"X-One": {value, "2"}, "user-agent": {"test"}}, Subprotocols: []string{"chat"}, Deflate: Deflate{Enabled: true}, Origin: "http://page.example"})
			refused(t, c, "ws://user:p%40ss@"+addr+"/path%2Fa/?q=a%20b&c")
			seen[i] = <-heads
		}
		if !slices.Equal(seen[0], seen[1]) {
			t.Errorf("%s, directly: %.1000q\nby a Transport: %.1000q", name, seen[0], seen[1])
		}
	}
}

// The jar is asked for cookies of the request's Host, and gets those that it sets, as of http.Client.
func TestJar_HasCookiesOfTheHost(t *testing.T) { bothWays(t, testJar_HasCookiesOfTheHost) }

func testJar_HasCookiesOfTheHost(t *testing.T) {
	at := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "b"})
		w.WriteHeader(http.StatusForbidden)
	})
	jar := new(tellingJar)
	r, err := parse(soon(t), at+"/path")
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "other.example"
	if _, err := closed(t, &Client{Jar: jar}).DialRequest(r, nil); !errors.As(err, new(*HandshakeError)) {
		t.Error(err)
	}
	if want := []string{"asked for http://other.example/path", "set at http://other.example/path"}; !slices.Equal(jar.calls, want) {
		t.Errorf("the jar is %q, want %q", jar.calls, want)
	}
}

// tellingJar has no cookies, and tells what it was asked and given.
type tellingJar struct {
	calls []string
	set   func() // what else it does when it is given some; nil: nothing
}

func (j *tellingJar) Cookies(u *url.URL) []*http.Cookie {
	j.calls = append(j.calls, "asked for "+u.String())
	return nil
}

func (j *tellingJar) SetCookies(u *url.URL, _ []*http.Cookie) {
	j.calls = append(j.calls, "set at "+u.String())
	if j.set != nil {
		j.set()
	}
}

// A context that ends as the answer comes has its connection closed: so that is no success. A refusal stays one.
func TestDirect_ContextThatEndsWithTheAnswer(t *testing.T) {
	for status, want := range map[string]error{"101 Switching Protocols": context.Canceled, "403 Forbidden": nil} {
		ctx, cancel := context.WithCancel(context.Background())
		d := direct{jar: &tellingJar{set: cancel}, system: platform.Real{}}
		d.connect = func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go serveOnce(far, []byte("HTTP/1.1 "+status+"\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"))
			return near, nil
		}
		req, err := parse(ctx, "http://server.example/")
		if err != nil {
			t.Fatal(err)
		}
		resp, _, err := d.do(ctx, new(attempt), req, d.head(req))
		if err != want || (resp == nil) != (want != nil) {
			t.Errorf("%s: %v, %v", status, resp, err)
		}
	}
}

// A DialContext that does not look at its context keeps nobody waiting, and what it returns too late is closed.
func TestDirect_DialContextThatTakesItsTime(t *testing.T) {
	bothWays(t, testDialContextThatTakesItsTime)
}

func testDialContextThatTakesItsTime(t *testing.T) {
	needsLoops(t)
	near, far := net.Pipe()
	here, goOn := make(chan struct{}), make(chan struct{})
	c := closed(t, &Client{DialContext: func(context.Context, string, string) (net.Conn, error) {
		close(here)
		<-goOn
		return near, nil
	}})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-here
		cancel()
	}()
	if _, err := c.Dial(ctx, "ws://server.example/"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(goOn)
	if _, err := far.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the connection is left: %v", err)
	}
}

// An answer that is cut at any byte is an error, and so is one whose connection then stays silent until the context ends.
func TestDirect_AnswerCutAtEveryByte(t *testing.T) { bothWays(t, testAnswerCutAtEveryByte) }

func testAnswerCutAtEveryByte(t *testing.T) {
	needsLoops(t)
	const answer = "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
	n := 0
	c := closed(t, &Client{DialContext: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go serveOnce(far, []byte(answer[:n]))
		return near, nil
	}})
	for ; n < len(answer); n++ {
		if _, err := c.Dial(soon(t), "ws://server.example/"); err == nil || errors.As(err, new(*HandshakeError)) || !strings.HasPrefix(err.Error(), "framerail: ") {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
	if e := refused(t, c, "ws://server.example/"); !errors.Is(e, handshake.ErrAnswerAccept) {
		t.Error(e)
	}
}
