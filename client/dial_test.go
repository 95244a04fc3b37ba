package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/internal/platform"
	"github.com/framerail/framerail/server"
)

// A connection moves to the loop, plain or over TLS: it takes no goroutine.
func TestDial_MovesToALoop(t *testing.T) { bothWays(t, testDial_MovesToALoop) }

func testDial_MovesToALoop(t *testing.T) {
	for name, secure := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			url := start(t, new(server.Server), secure)
			in := newInbox()
			c := closed(t, in.in(&Client{TLSConfig: trust(t)}))
			nc := mustDial(t, c, url)
			checkEcho(t, nc, in)
			if host := c.run.host; host == nil || !hasRelays(c, 0) {
				t.Errorf("%d relayed", relays(c))
			}
			if got := nc.RemoteAddr().String(); !strings.HasSuffix(url, got) {
				t.Errorf("the server's address is %s, want that of %s", got, url)
			}
			if state := nc.TLS(); (state != nil) != secure || secure && (!state.HandshakeComplete || state.NegotiatedProtocol != "") {
				t.Errorf("TLS: %+v", state)
			}
			if err := nc.Close(frame.NormalClosure, "done"); err != nil {
				t.Fatal(err)
			}
			if i := in.ends(t); !i.Clean() || i.By != conn.Local || i.Received != frame.NormalClosure {
				t.Errorf("it ended with %v", i)
			}
		})
	}
}

// relays is how many goroutine-carried connections a client has had.
func relays(c *Client) int64 { return c.run.relayed.Load() }

// hasRelays reports whether they are n, where not all connections are carried so.
func hasRelays(c *Client, n int64) bool { return relays(c) == n || !platform.Native }

func TestDial_UnixSocket(t *testing.T) { bothWays(t, testDial_UnixSocket) }

func testDial_UnixSocket(t *testing.T) {
	needsLoops(t)
	path := filepath.Join(t.TempDir(), "socket")
	srv := &server.Server{Addr: "unix:" + path, OnMessage: echo, Logger: quiet}
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	in := newInbox()
	c := closed(t, in.in(&Client{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}))
	nc := mustDial(t, c, "ws://any.host/")
	checkEcho(t, nc, in)
	if nc.RemoteAddr().IsValid() || !hasRelays(c, 0) {
		t.Errorf("address %v, %d relayed", nc.RemoteAddr(), relays(c))
	}
}

// What the program's options say is in the request, and what was agreed on in the connection.
func TestDial_Request(t *testing.T) { bothWays(t, testDial_Request) }

func testDial_Request(t *testing.T) {
	requests := make(chan *http.Request, 1)
	srv := &server.Server{Subprotocols: []string{"soap", "chat"}, OriginPatterns: []string{"https://page.example"}}
	srv.Check = func(h *server.Handshake) error { requests <- h.Request; return nil }
	url := start(t, srv, false)
	c := closed(t, &Client{
		Origin:       "https://page.example",
		Header:       http.Header{"origin": {"https://other.example"}, "X-All": {"1"}, "X-Both": {"of the client"}},
		Subprotocols: []string{"mqtt", "chat", "soap"},
	})
	r, err := http.NewRequest(http.MethodPost, strings.Replace(url, "ws://", "ws://user:pass@", 1)+"/room/1?q=%20a", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "other.example"
	r.Header.Set("X-Both", "of the request")
	var seen *http.Request
	nc, err := c.DialRequest(r, func(c *conn.Conn) { seen, _ = c.Request() })
	if err != nil {
		t.Fatal(err)
	}
	got := <-requests
	user, pass, _ := got.BasicAuth()
	for name, pair := range map[string][2]string{
		"method": {got.Method, "GET"}, "target": {got.RequestURI, "/room/1?q=%20a"}, "host": {got.Host, "other.example"},
		"origin": {got.Header.Get("Origin"), "https://page.example"}, "X-All": {got.Header.Get("X-All"), "1"},
		"X-Both": {strings.Join(got.Header["X-Both"], "|"), "of the request"}, "user": {user + ":" + pass, "user:pass"},
		"subprotocol": {nc.Subprotocol(), "soap"}, "kept URL": {seen.URL.Scheme + seen.URL.RequestURI(), "ws/room/1?q=%20a"},
		"key":        {seen.Header.Get("Sec-WebSocket-Key"), got.Header.Get("Sec-Websocket-Key")},
		"extensions": {got.Header.Get("Sec-Websocket-Extensions"), ""}, "encoding": {got.Header.Get("Accept-Encoding"), ""},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %q, want %q", name, pair[0], pair[1])
		}
	}
	if r.Method != http.MethodPost || r.URL.Scheme != "ws" || len(r.Header) != 1 {
		t.Errorf("the program's request was changed: %+v", r)
	}
}

// Bytes that come in one packet with the answer are the first messages, over TLS too.
func TestDial_KeepsBytesBehindTheAnswer(t *testing.T) {
	bothWays(t, testDial_KeepsBytesBehindTheAnswer)
}

func testDial_KeepsBytesBehindTheAnswer(t *testing.T) {
	for name, secure := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			srv := new(server.Server)
			srv.OnConnection = func(c *conn.Conn) {
				for _, text := range []string{"one", "two", strings.Repeat("long", 5_000)} {
					_ = c.SendText(text)
				}
			}
			url := start(t, srv, secure)
			for range 20 {
				in := newInbox()
				c := closed(t, in.in(&Client{TLSConfig: trust(t)}))
				mustDial(t, c, url)
				for _, text := range []string{"one", "two", strings.Repeat("long", 5_000)} {
					in.expect(t, text)
				}
			}
		})
	}
}

// OnConnection has returned when Dial does, wherever callbacks run. A connection whose OnConnection
// panics is closed, and Dial returns it all the same.
func TestDial_OnConnectionComesFirst(t *testing.T) { bothWays(t, testDial_OnConnectionComesFirst) }

func testDial_OnConnectionComesFirst(t *testing.T) {
	url := start(t, new(server.Server), false)
	for _, dispatch := range []conn.Dispatch{conn.OnLoop, conn.OnGoroutines, conn.Adaptive} {
		c := closed(t, &Client{Dispatch: dispatch, OnConnection: func(c *conn.Conn) { c.SetValue("set") }})
		if v := mustDial(t, c, url).Value(); v != "set" {
			t.Errorf("dispatch %v: the value is %v", dispatch, v)
		}
		in := newInbox()
		c = closed(t, in.in(&Client{Dispatch: dispatch, OnConnection: func(*conn.Conn) { panic("of the test") }}))
		mustDial(t, c, url)
		if i := in.ends(t); i.Sent != frame.InternalError {
			t.Errorf("dispatch %v: %v", dispatch, i)
		}
	}
}

func TestDial_InACallbackOnALoop(t *testing.T) {
	url := start(t, new(server.Server), false)
	failed := make(chan error, 1)
	c := closed(t, new(Client))
	c.OnConnection = func(*conn.Conn) {
		_, err := c.Dial(context.Background(), url)
		failed <- err
	}
	mustDial(t, c, url)
	if err := <-failed; !errors.Is(err, conn.ErrOnLoop) || strings.Count(err.Error(), "framerail: ") != 1 {
		t.Error(err)
	}
}

// The schemes of HTTP stand for those of WebSockets.
func TestDial_SchemesOfHTTP(t *testing.T) { bothWays(t, testDial_SchemesOfHTTP) }

func testDial_SchemesOfHTTP(t *testing.T) {
	for _, secure := range []bool{false, true} {
		own := start(t, new(server.Server), secure)
		asked := make(chan string, 1)
		c := &Client{TLSConfig: trust(t), OnConnection: func(c *conn.Conn) {
			r, _ := c.Request()
			asked <- r.URL.String()
		}}
		mustDial(t, closed(t, c), "http"+strings.TrimPrefix(own, "ws"))
		if got := <-asked; !strings.HasPrefix(got, own) {
			t.Errorf("the request is for %s, want %s", got, own)
		}
	}
}

func TestDial_ImpossibleOptions(t *testing.T) { bothWays(t, testDial_ImpossibleOptions) }

func testDial_ImpossibleOptions(t *testing.T) {
	needsLoops(t)
	for name, tc := range map[string]struct {
		c    *Client
		url  string
		says string
	}{
		"scheme":            {&Client{}, "ftp://host/", "neither ws nor wss"},
		"no scheme":         {&Client{}, "host:80/", "neither ws nor wss"},
		"no host":           {&Client{}, "ws:///path", "no host"},
		"fragment":          {&Client{}, "ws://host/#part", "fragment"},
		"control byte":      {&Client{}, "ws://host/\x7f", "invalid control character"},
		"two ways":          {&Client{OnMessage: echo, OnStream: func(*conn.Conn, *conn.Reader) {}}, "ws://host/", "both set"},
		"owned header":      {&Client{Header: http.Header{"connection": {"x"}}}, "ws://host/", "handshake's own"},
		"smuggled header":   {&Client{Header: http.Header{"X": {"a\r\nUpgrade: h2c"}}}, "ws://host/", "CR, LF"},
		"subprotocol":       {&Client{Subprotocols: []string{"a b"}}, "ws://host/", "not a token"},
		"twice":             {&Client{Subprotocols: []string{"a", "a"}}, "ws://host/", "twice"},
		"window":            {&Client{Deflate: Deflate{Enabled: true, ClientWindowBits: 7}}, "ws://host/", "8 to 15"},
		"deflate off":       {&Client{Deflate: Deflate{ClientTakeover: true}}, "ws://host/", "not Enabled"},
		"limit":             {&Client{Limits: Limits{Limits: conn.Limits{MaxPending: -1}}}, "ws://host/", "MaxPending"},
		"timeout":           {&Client{Limits: Limits{HandshakeTimeout: -1}}, "ws://host/", "negative"},
		"dispatch":          {&Client{Dispatch: 9}, "ws://host/", "Dispatch"},
		"overflow":          {&Client{Overflow: 9}, "ws://host/", "Overflow"},
		"password in error": {&Client{}, "ws://user:secret@host/#part", "xxxxx"},
	} {
		t.Run(name, func(t *testing.T) {
			closed(t, tc.c)
			_, err := tc.c.Dial(context.Background(), tc.url)
			if err == nil || !strings.Contains(err.Error(), tc.says) || !strings.HasPrefix(err.Error(), "framerail: ") || strings.Contains(err.Error(), "secret") {
				t.Errorf("%v, want %q", err, tc.says)
			}
		})
	}
}

func TestDial_AfterClose(t *testing.T) {
	url := start(t, new(server.Server), false)
	in := newInbox()
	c := in.in(&Client{Logger: quiet})
	mustDial(t, c, url)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if i := in.ends(t); !errors.Is(i.Err, ErrClientClosed) {
		t.Errorf("it ended with %v", i)
	}
	if _, err := c.Dial(soon(t), url); err != ErrClientClosed {
		t.Error(err)
	}
	_ = c.Close() // once more does nothing
	if err := new(Client).Close(); err != nil {
		t.Error(err)
	}
}

func TestShutdown(t *testing.T) {
	url := start(t, new(server.Server), false)
	in := newInbox()
	c := in.in(&Client{Logger: quiet, Dispatch: conn.OnGoroutines})
	mustDial(t, c, url)
	if err := c.Shutdown(soon(t)); err != nil {
		t.Fatal(err)
	}
	if i := <-in.end; !i.Clean() || i.Sent != frame.GoingAway {
		t.Errorf("it ended with %v", i)
	}
	if err := new(Client).Shutdown(soon(t)); err != nil {
		t.Error(err)
	}
}

// The client of the package's own Dial.
func TestDial_OfThePackage(t *testing.T) {
	url := start(t, new(server.Server), false)
	got := make(chan string, 1)
	nc, err := Dial(soon(t), url, func(_ *conn.Conn, m conn.Message) { got <- m.String() })
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = common.Close()
		common = new(Client)
	}()
	_ = nc.SendText("hello")
	if m := <-got; m != "hello" {
		t.Errorf("got %q", m)
	}
}

// Many dial at once, over several loops.
func TestDial_ManyAtOnce(t *testing.T) {
	for _, secure := range []bool{false, true} {
		n := 300
		if secure {
			n = 100
		}
		const long = 4 * patience // for all of them
		url := start(t, &server.Server{Limits: server.Limits{MaxConnections: -1, MaxConnectionsPerAddress: -1, HandshakeTimeout: long}}, secure)
		ctx, cancel := context.WithTimeout(context.Background(), long)
		defer cancel()
		got := make(chan string, n)
		c := closed(t, &Client{
			Loops: 3, TLSConfig: trust(t), Limits: Limits{HandshakeTimeout: long},
			OnMessage: func(_ *conn.Conn, m conn.Message) { got <- m.String() },
		})
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				nc, err := c.Dial(ctx, url)
				if err != nil {
					t.Error(err)
					return
				}
				_ = nc.SendText(fmt.Sprint(i))
			})
		}
		all.Wait()
		seen := map[string]bool{}
		for range n {
			seen[next(t, got, "an echo")] = true
		}
		if len(seen) != n || !hasRelays(c, 0) {
			t.Errorf("%d echoes, %d relayed", len(seen), relays(c))
		}
		for _, l := range c.run.engine {
			if load := l.Load(); load < int64(n/6) {
				t.Errorf("a loop has %d of %d connections", load, n)
			}
		}
	}
}

// What a server sends at once waits for the program to read it, moved or relayed, over TLS too.
func TestDial_MessagesWaitForReceive(t *testing.T) {
	for _, secure := range []bool{false, true} {
		for _, connect := range []dialFunc{nil, dialWrapped} {
			url := start(t, &server.Server{OnConnection: func(c *conn.Conn) {
				for i := range 20 {
					_ = c.SendText(fmt.Sprint(i))
				}
			}}, secure)
			nc := mustDial(t, closed(t, &Client{TLSConfig: trust(t), DialContext: connect}), url)
			_ = nc.SendText("last")
			want := 0
			for m, err := range nc.Messages(soon(t)) {
				if err != nil {
					t.Fatal(err)
				}
				if m.String() == "last" {
					break
				}
				if m.String() != fmt.Sprint(want) {
					t.Fatalf("got %v, want %d", m, want)
				}
				want++
			}
			if want != 20 {
				t.Errorf("%d messages", want)
			}
		}
	}
}

// The package's own Dial without a callback leaves the messages to be read.
func TestDial_OfThePackageToRead(t *testing.T) {
	url := start(t, &server.Server{OnConnection: func(c *conn.Conn) { _ = c.SendText("hello") }}, false)
	nc, err := Dial(soon(t), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = common.Close()
		common = new(Client)
	}()
	if m, err := nc.Receive(soon(t)); err != nil || m.String() != "hello" {
		t.Error(m, err)
	}
}

// A name with several addresses, of which one answers.
func TestDial_NameWithSeveralAddresses(t *testing.T) {
	url := start(t, new(server.Server), false)
	in := newInbox()
	nc := mustDial(t, closed(t, in.in(new(Client))), strings.Replace(url, "127.0.0.1", "localhost", 1))
	checkEcho(t, nc, in)
}

// A dial does not wait for ever for a loop that a callback holds.
func TestDial_TheLoopIsHeld(t *testing.T) {
	url := start(t, &server.Server{OnConnection: func(c *conn.Conn) { _ = c.SendText("x") }}, false)
	held, goOn := make(chan struct{}), make(chan struct{})
	c := closed(t, &Client{Limits: Limits{HandshakeTimeout: 10 * time.Second}, OnMessage: func(*conn.Conn, conn.Message) {
		close(held)
		<-goOn
	}})
	defer close(goOn)
	mustDial(t, c, url)
	next(t, held, "the callback")
	if _, err := c.Dial(context.Background(), url); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
