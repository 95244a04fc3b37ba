package server

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

// replace is the handshake with one field line changed.
func replace(old, new string) string {
	if !strings.Contains(upgrade, old) {
		panic("not in the handshake: " + old)
	}
	return strings.Replace(upgrade, old, new, 1) + "\r\n"
}

// with is the handshake with field lines added.
func with(lines ...string) string { return upgrade + strings.Join(append(lines, "", ""), "\r\n") }

func TestHandshake_RefusalsHaveTheRightStatus(t *testing.T) {
	s := start(t, &Server{Path: "/chat", OnMessage: echo, Check: func(h *Handshake) error {
		if h.Request.Header.Get("Refuse") != "" {
			return fmt.Errorf("no")
		}
		return nil
	}})
	for _, test := range []struct {
		name    string
		request string
		status  int
		header  string // "Name: value" of the response
	}{
		{"not_HTTP", "hello\r\n\r\n", 400, ""},
		{"no_Host", replace("Host: example.com\r\n", ""), 400, ""},
		{"no_Key", replace("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), 400, ""},
		{"Key_of_15_bytes", replace("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25j"), 400, ""},
		{"HTTP_1.0", replace("HTTP/1.1", "HTTP/1.0"), 400, ""},
		{"Connection_without_upgrade", replace("Connection: Upgrade", "Connection: close"), 400, ""},
		{"by_Check", with("Refuse: 1"), 403, ""},
		{"origin", with("Origin: https://evil.example"), 403, ""},
		{"path", replace("/chat?room=1", "/other"), 404, ""},
		{"path_of_an_ordinary_request", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 404, ""},
		{"path_is_compared_whole", replace("/chat?room=1", "/chat/"), 404, ""},
		{"POST", replace("GET", "POST"), 405, "Allow: GET"},
		{"ordinary_request", "GET /chat HTTP/1.1\r\nHost: a\r\n\r\n", 426, "Upgrade: websocket"},
		{"version_8", replace("Version: 13", "Version: 8"), 426, "Sec-WebSocket-Version: 13"},
		{"no_version", replace("Sec-WebSocket-Version: 13\r\n", ""), 426, "Sec-WebSocket-Version: 13"},
		{"long_line", with("Cookie: " + strings.Repeat("c", defaultMaxHandshakeBytes)), 431, ""},
		{"long_request_line", "GET /" + strings.Repeat("p", defaultMaxHandshakeBytes), 431, ""},
		{"101_headers", with(strings.Split(strings.Repeat("A: b\r\n", 97), "\r\n")[:97]...), 431, ""},
		{"HTTP_2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := dialRaw(t, s)
			p.send(test.request)
			resp, _ := p.expectRefusal(test.status)
			if name, value, ok := strings.Cut(test.header, ": "); ok && resp.Header.Get(name) != value {
				t.Errorf("%s is %q, want %q", name, resp.Header.Get(name), value)
			}

			// The same, one byte per segment.
			p = dialRaw(t, s)
			p.drip(test.request[:min(len(test.request), 2000)])
			if len(test.request) > 2000 {
				p.send(test.request[2000:])
			}
			p.expectRefusal(test.status)
		})
	}
	if n := s.ClientCount(); n != 0 {
		t.Errorf("%d clients", n)
	}
}

func TestHandshake_LimitsAreReachedExactly(t *testing.T) {
	s := start(t, &Server{OnMessage: echo})
	t.Run("100_headers", func(t *testing.T) {
		lines := strings.Split(strings.Repeat("A: b\r\n", defaultMaxHandshakeHeaders-5), "\r\n")
		dial(t, s, lines[:defaultMaxHandshakeHeaders-5]...).alive()
	})
	t.Run("8_KiB", func(t *testing.T) {
		fill := defaultMaxHandshakeBytes - len(with("Cookie: "))
		dial(t, s, "Cookie: "+strings.Repeat("c", fill)).alive()
		p := dialRaw(t, s)
		p.send(with("Cookie: " + strings.Repeat("c", fill+1)))
		p.expectRefusal(431)
	})
}

// Lower and higher limits than the default's, the higher one in more pieces than a
// loop's buffer takes.
func TestHandshake_LimitsAreOptions(t *testing.T) {
	low := start(t, &Server{Limits: Limits{MaxHandshakeBytes: 500, MaxHandshakeHeaders: 7}})
	high := start(t, &Server{OnMessage: echo, Limits: Limits{MaxHandshakeBytes: 100_000, MaxHandshakeHeaders: 200}})
	for name, header := range map[string]string{
		"bytes": "Cookie: " + strings.Repeat("c", 500),
		"lines": strings.Repeat("A: b\r\n", 7) + "A: b",
	} {
		p := dialRaw(t, low)
		p.send(with(header))
		p.expectRefusal(431)
		if got := low.Stats().Refused[ReasonTooLarge]; got == 0 {
			t.Errorf("%s: not counted", name)
		}
	}
	dial(t, high, "Cookie: "+strings.Repeat("c", 90_000), strings.Repeat("A: b\r\n", 150)+"A: b").alive()
	p := dialRaw(t, high)
	p.send(with("Cookie: " + strings.Repeat("c", 100_000)))
	p.expectRefusal(431)
}

func TestHandshake_RefusesHEADWithoutBody(t *testing.T) {
	p := dialRaw(t, start(t, &Server{}))
	p.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
	resp, err := http.ReadResponse(p.r, &http.Request{Method: "HEAD"})
	if err != nil || resp.StatusCode != 405 {
		t.Fatalf("%v, %v", resp, err)
	}
	p.expectEOF()
}

func TestHandshake_TimeoutGets408(t *testing.T) {
	parallel(t)
	const timeout = 10 * time.Second
	s := start(t, &Server{Limits: Limits{HandshakeTimeout: timeout}, OnMessage: echo})
	inTime := dial(t, s) // and stays
	begin := time.Now()  // the server's time runs from its accept on
	var late []*peer
	for _, request := range []string{"G", "GET", upgrade} {
		p := dialRaw(t, s)
		p.send(request)
		late = append(late, p)
	}
	// One byte now and then does not put it off.
	slow := dialRaw(t, s)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for i := range upgrade {
			select {
			case <-stop:
				return
			case <-time.After(timeout / 50):
				_, _ = io.WriteString(slow, upgrade[i:i+1])
			}
		}
	}()
	for i, p := range late {
		p.expectRefusal(408)
		if took := time.Since(begin); took < timeout*9/10 {
			t.Errorf("client %d was given up after %v", i, took)
		}
	}
	slow.expectStatus(408)
	inTime.alive()
}

func TestHandshake_AnswerIsReadableWhileTheClientStillSends(t *testing.T) {
	s := start(t, &Server{})
	p := dialRaw(t, s)
	p.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
	for range 50 {
		p.send(strings.Repeat("b", 10_000))
	}
	time.Sleep(20 * time.Millisecond) // a reset, if there is one, is here by now
	p.send(strings.Repeat("b", 500_000))
	p.expectRefusal(405)
}

func TestHandshake_OneByteAtATimeGivesTheSame(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		s := start(t, &Server{Dispatch: d, OnMessage: echo})
		p := dialRaw(t, s)
		p.drip(with() + masked(frame.Text, true, "first") + masked(frame.Text, true, "second"))
		p.expectStatus(101)
		p.expectText("first")
		p.expectText("second")
	})
}

func TestHandshake_FramesGluedBehindTheRequestAreServed(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		s := start(t, &Server{Dispatch: d, OnConnection: func(c *conn.Conn) {
			c.OnMessage(echo) // in time for the first message
		}})
		whole := with() + masked(frame.Text, true, "first") + masked(frame.Text, true, "second")
		for cut := 0; cut < len(whole); cut += 7 {
			p := dialRaw(t, s)
			p.send(whole[:cut])
			p.send(whole[cut:])
			p.expectStatus(101)
			p.expectText("first")
			p.expectText("second")
		}
		// More than one read of the loop's takes.
		p := dialRaw(t, s)
		const n = 3000
		p.send(with() + strings.Repeat(masked(frame.Text, true, "0123456789"), n))
		p.expectStatus(101)
		for range n {
			p.expectText("0123456789")
		}
	})
}

func TestHandshake_TokensInAnyCaseAndAnyList(t *testing.T) {
	s := start(t, &Server{OnMessage: echo})
	for _, request := range []string{
		replace("Connection: Upgrade", "connection: keep-alive, Upgrade"), // Firefox
		replace("Connection: Upgrade", "CONNECTION: keep-alive\r\nConnection: upgrade"),
		replace("Upgrade: websocket", "uPGRADE: h2c, WebSocket"),
		replace("Host: example.com", "host:example.com:8080"),
		"\r\n" + with(), // RFC 9112 2.2
	} {
		p := dialRaw(t, s)
		p.send(request)
		p.expectStatus(101)
		p.alive()
	}
}

// RFC 9112: what two readers could understand differently is refused, and nothing
// behind it is looked at.
func TestHandshake_SmugglingIsRefused(t *testing.T) {
	s := start(t, &Server{OnMessage: echo, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "reached the handler")
	})})
	plain := func(lines string) string { return "GET / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n" }
	for name, request := range map[string]string{
		"two_Hosts":               with("Host: other.example"),
		"two_Keys":                with("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
		"two_Versions":            with("Sec-WebSocket-Version: 13"),
		"two_Origins":             with("Origin: http://example.com", "Origin: http://example.com"),
		"Content-Length":          with("Content-Length: 5") + "hello",
		"chunked":                 with("Transfer-Encoding: chunked") + "0\r\n\r\n",
		"length_and_chunked":      plain("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n",
		"two_lengths":             plain("Content-Length: 5\r\nContent-Length: 6\r\n") + "hello",
		"list_of_lengths":         plain("Content-Length: 5, 5\r\n") + "hello",
		"signed_length":           plain("Content-Length: +5\r\n") + "hello",
		"coding_not_chunked":      plain("Transfer-Encoding: xchunked\r\n"),
		"obs-fold":                with("X: a\r\n b"),
		"first_line_folded":       replace("Host: example.com", " Host: example.com"),
		"bare_LF":                 replace("Host: example.com\r\n", "Host: example.com\n"),
		"bare_CR":                 with("X: a\rb"),
		"NUL":                     with("X: a\x00b"),
		"space_before_colon":      replace("Host:", "Host :"),
		"no_colon":                with("Host"),
		"empty_name":              with(": x"),
		"space_in_target":         replace("/chat", "/ch at"),
		"Host_with_a_path":        replace("example.com", "example.com/x"),
		"Host_with_user":          replace("example.com", "me@example.com"),
		"chunked_in_HTTP_1.0":     "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"lower_case_HTTP":         replace("HTTP/1.1", "http/1.1"),
		"key_with_garbage_behind": replace("ZQ==", "ZQ==x"),
	} {
		t.Run(name, func(t *testing.T) {
			behind := "GET /second HTTP/1.1\r\nHost: a\r\n\r\n"
			for _, send := range []func(*peer){
				func(p *peer) { p.send(request + behind) },
				func(p *peer) { p.send(request); p.send(behind) },
				func(p *peer) { p.send(request[:len(request)/2]); p.send(request[len(request)/2:] + behind) },
			} {
				p := dialRaw(t, s)
				send(p)
				p.expectRefusal(400) // and nothing else
			}
			p := dialRaw(t, s)
			p.drip(request)
			p.expectRefusal(400)
		})
	}
}

// RFC 9112 6.1: a coding that is not understood.
func TestHandshake_OtherTransferCodingsGet501(t *testing.T) {
	s := start(t, &Server{OnMessage: echo})
	p := dialRaw(t, s)
	p.send(with("Transfer-Encoding: gzip, chunked") + "0\r\n\r\n")
	p.expectRefusal(http.StatusNotImplemented)
	if n := s.Stats().Refused[ReasonMalformed]; n != 1 {
		t.Errorf("%d counted", n)
	}
}

// 10,000 clients that send a byte a second, to scale: what they make the server
// hold is in proportion to what they have sent.
func TestHandshake_SlowClientsCostWhatTheySend(t *testing.T) {
	const clients = 300
	s := start(t, &Server{Loops: 1, OnMessage: echo, Limits: Limits{HandshakeTimeout: time.Minute}})
	l := s.run.loops[0]
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	var peers []*peer
	for range clients {
		peers = append(peers, dialRaw(t, s))
	}
	eventually(t, "all to be taken in", func() bool { return l.Load() == clients })
	before := heap()
	for i := range 3 {
		for _, p := range peers {
			p.send(upgrade[i : i+1])
		}
	}
	eventually(t, "their bytes to be held", func() bool { n, _ := unopened(l).Lent(); return n == clients })
	if _, size := unopened(l).Lent(); size > clients*1024 {
		t.Errorf("%d bytes held for %d clients that have sent 3 bytes each", size, clients)
	}
	if grown := heap() - before; grown > clients*4096 {
		t.Errorf("the heap has grown by %d bytes for %d clients", grown, clients)
	}
	dial(t, s).alive() // others notice nothing

	for _, p := range peers {
		p.Close()
	}
	eventually(t, "them to be forgotten", func() bool { return l.Load() == 1 })
	eventually(t, "their buffers to be given back", func() bool { n, _ := unopened(l).Lent(); return n == 0 })
}

func TestHandshake_LongRequestInPiecesIsLinear(t *testing.T) {
	s := start(t, &Server{Loops: 1, OnMessage: echo})
	head := with("Cookie: " + strings.Repeat("c", 7000))
	p := dialRaw(t, s)
	for i := 0; i < len(head); i += 100 {
		p.send(head[i:min(i+100, len(head))])
	}
	p.expectStatus(101)
	p.alive()
}

func TestHandshake_RequestIsKeptOnlyIfAskedFor(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		conns := make(chan *conn.Conn, 1)
		s := &Server{Dispatch: d, OnMessage: echo}
		s.OnConnection = func(c *conn.Conn) {
			if s.ClientCount() == 0 {
				if r, ok := c.Request(); !ok || r.RemoteAddr != c.RemoteAddr().String() || r.Header.Get("Cookie") != "a=b" {
					t.Errorf("request %v", r)
				}
			}
			conns <- c
		}
		start(t, s)
		dial(t, s, "Cookie: a=b").alive()
		asked := receive(t, conns)
		eventually(t, "the first to be listed", func() bool { return s.ClientCount() == 1 })
		dial(t, s, "Cookie: a=b").alive()
		other := receive(t, conns)
		if r, ok := asked.Request(); !ok || r.URL.String() != "/chat?room=1" {
			t.Errorf("request asked for: %v", r)
		}
		if r, ok := other.Request(); ok || r != nil {
			t.Errorf("request not asked for: %v", r)
		}
	})
}

func TestHandshake_ManyHandshakesOneAfterTheOther(t *testing.T) {
	s := start(t, &Server{Loops: 1, OnMessage: echo})
	for i := range 200 {
		p := dial(t, s, "X: "+strconv.Itoa(i))
		p.alive()
		p.Close()
	}
	eventually(t, "all to be gone", func() bool { return load(s) == 0 && s.ClientCount() == 0 })
}

// Some clients send the fields of an offer when they have nothing to offer: tcllib, React
// Native and Deno among them.
func TestHandshake_EmptyOffersAreNone(t *testing.T) {
	s := &Server{OnMessage: echo, Subprotocols: []string{"chat"}, Deflate: Deflate{Enabled: true}}
	start(t, s)
	upgrading := &Server{OnMessage: echo, Subprotocols: []string{"chat"}}
	web := serveWeb(t, upgrading, upgrades(upgrading, nil))
	for _, dial := range []func(testing.TB) *peer{
		func(t testing.TB) *peer { return dialRaw(t, s) },
		func(t testing.TB) *peer { return web.dialRaw(t) },
	} {
		for _, empty := range []string{"", " ", ",", ", ,"} {
			p := dial(t)
			resp := p.handshake("Sec-WebSocket-Protocol:"+empty, "Sec-WebSocket-Extensions:"+empty)
			for _, field := range []string{"Sec-Websocket-Protocol", "Sec-Websocket-Extensions"} {
				if got := resp.Header.Values(field); len(got) > 0 {
					t.Errorf("%q is answered with %s %q", empty, field, got)
				}
			}
			p.alive()
		}
		resp := dial(t).handshake("Sec-WebSocket-Protocol:", "Sec-WebSocket-Protocol: chat")
		if got := resp.Header.Get("Sec-Websocket-Protocol"); got != "chat" {
			t.Errorf("behind an empty line %q was chosen", got)
		}
	}
}
