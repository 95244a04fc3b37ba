package server

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/framerail/framerail/conn"
)

func TestCheck_SeesTheRequest(t *testing.T) {
	seen := make(chan *Handshake, 1)
	s := start(t, &Server{Check: func(h *Handshake) error { seen <- h; return nil }})
	p := dial(t, s, "Cookie: session=1", "Sec-WebSocket-Protocol: a, b")
	h := receive(t, seen)
	r := h.Request
	if r.Method != "GET" || r.URL.Path != "/chat" || r.URL.Query().Get("room") != "1" || r.Host != "example.com" {
		t.Errorf("request %s %s to %s", r.Method, r.URL, r.Host)
	}
	if c, err := r.Cookie("session"); err != nil || c.Value != "1" {
		t.Errorf("cookie %v, %v", c, err)
	}
	if addr, err := netip.ParseAddrPort(r.RemoteAddr); err != nil || addr.String() != p.LocalAddr().String() {
		t.Errorf("address %q, %v; want %v", r.RemoteAddr, err, p.LocalAddr())
	}
	if h.Subprotocol != "" || len(h.Header) != 0 {
		t.Errorf("begins with subprotocol %q and header %v", h.Subprotocol, h.Header)
	}
}

func TestCheck_IsNotAskedAboutBadRequests(t *testing.T) {
	s := start(t, &Server{Check: func(*Handshake) error { t.Error("asked"); return nil }})
	for _, request := range []string{replace("GET", "POST"), with("Origin: http://evil.example"), "x\r\n\r\n"} {
		p := dialRaw(t, s)
		p.send(request)
		p.expectGone()
	}
}

// A nil *Refusal in an error is a mistake often made; it must not let anyone in.
type nilRefusal struct{}

func (nilRefusal) Error() string { return "" }
func (nilRefusal) As(target any) bool {
	if r, ok := target.(**Refusal); ok {
		*r = nil
		return true
	}
	return false
}

type panicking struct{}

func (panicking) Error() string { return "" }
func (panicking) As(any) bool   { panic("in As") }

func TestCheck_Refuses(t *testing.T) {
	var none *Refusal
	long := strings.Repeat("long ", 1<<17)
	var verdict cell[error]
	var log journal
	s := start(t, &Server{Logger: log.logger(), OnMessage: echo, TCP: TCP{SendBuffer: 64 << 10}, // less than the long body
		Check: func(*Handshake) error { return verdict.get() }})
	for _, test := range []struct {
		name   string
		err    error
		status int
		body   string
		header string
		logged string
	}{
		{name: "plain_error", err: errors.New("secret"), status: 403, body: "refused (RFC 9110 15.5.4)\n"},
		{name: "zero", err: &Refusal{}, status: 403, body: "Forbidden\n"},
		{name: "status", err: &Refusal{Status: 401}, status: 401, body: "Unauthorized\n"},
		{name: "wrapped", err: errors.Join(errors.New("x"), &Refusal{Status: 402}), status: 402, body: "Payment Required\n"},
		{name: "body", err: &Refusal{Status: 429, Body: "too many\nof you"}, status: 429, body: "too many\nof you"},
		{name: "long_body", err: &Refusal{Body: long}, status: 403, body: long},
		{name: "header", err: &Refusal{Header: http.Header{"Www-Authenticate": {"Basic"}}}, status: 403, body: "Forbidden\n", header: "Www-Authenticate: Basic"},
		{name: "redirect", err: &Refusal{Status: 307, Header: http.Header{"Location": {"/"}}}, status: 307, body: "Temporary Redirect\n", header: "Location: /"},
		{name: "type", err: &Refusal{Body: "{}", Header: http.Header{"Content-Type": {"application/json"}}}, status: 403, body: "{}", header: "Content-Type: application/json"},
		{name: "CR_LF", err: &Refusal{Header: http.Header{"X": {"a\r\nSet-Cookie: b"}}}, status: 500, logged: "cannot be sent"},
		{name: "NUL_in_name", err: &Refusal{Header: http.Header{"X\x00": {"a"}}}, status: 500, logged: "cannot be sent"},
		{name: "own_length", err: &Refusal{Header: http.Header{"Content-Length": {"1"}}}, status: 500, logged: "cannot be sent"},
		{name: "status_101", err: &Refusal{Status: 101}, status: 500, logged: "cannot be sent"},
		{name: "nil_Refusal", err: none, status: 403},
		{name: "nil_Refusal_inside", err: nilRefusal{}, status: 403},
		{name: "panicking_error", err: panicking{}, status: 500, logged: "in As"},
	} {
		t.Run(test.name, func(t *testing.T) {
			verdict.set(test.err)
			p := dialRaw(t, s)
			p.send(with())
			resp := p.expectStatus(test.status)
			body, err := io.ReadAll(resp.Body)
			if err != nil || test.body != "" && string(body) != test.body {
				t.Errorf("body of %d bytes %.60q, %v; want %d %.60q", len(body), body, err, len(test.body), test.body)
			}
			if strings.Contains(string(body), "secret") || !resp.Close {
				t.Errorf("body %.60q, close %v", body, resp.Close)
			}
			if name, value, ok := strings.Cut(test.header, ": "); ok && resp.Header.Get(name) != value {
				t.Errorf("%s is %q, want %q", name, resp.Header.Get(name), value)
			}
			if resp.Header.Get("Set-Cookie") != "" {
				t.Error("a header was smuggled in")
			}
			p.expectEOF()
			if test.logged != "" {
				log.expect(t, test.logged)
			}
		})
	}
	verdict.set(nil)
	dial(t, s).alive()
}

func TestCheck_AddsToTheAnswer(t *testing.T) {
	var log journal
	var header cell[http.Header]
	s := start(t, &Server{Logger: log.logger(), OnMessage: echo, Check: func(h *Handshake) error { h.Header = header.get(); return nil }})
	header.set(http.Header{"Set-Cookie": {"a=1", "b=2"}})
	p := dialRaw(t, s)
	if resp := p.handshake(); len(resp.Header["Set-Cookie"]) != 2 {
		t.Errorf("header %v", resp.Header)
	}
	p.alive()
	for _, bad := range []http.Header{
		{"X": {"a\r\nb"}}, {"X": {"a\nb"}}, {"X": {"a\x00b"}}, {"X\r\nY": {""}}, {"": {"a"}},
		{"Connection": {"close"}}, {"Upgrade": {"h2c"}}, {"sec-websocket-extensions": {"permessage-deflate"}}, {"Content-Length": {"1"}},
	} {
		header.set(bad)
		before := log.lines("cannot be sent")
		p := dialRaw(t, s)
		p.send(with())
		p.expectRefusal(500)
		eventually(t, "a line in the log", func() bool { return log.lines("cannot be sent") == before+1 })
	}
}

func TestCheck_PanicGets500(t *testing.T) {
	var log journal
	s := start(t, &Server{Loops: 1, Logger: log.logger(), OnMessage: echo, Check: func(h *Handshake) error {
		if h.Request.Header.Get("Boom") != "" {
			panic("check went wrong")
		}
		return nil
	}})
	other := dial(t, s)
	for range 20 {
		p := dialRaw(t, s)
		p.send(with("Boom: 1"))
		p.expectRefusal(500)
	}
	log.expect(t, "check went wrong", "check_test.go")
	other.alive()
	dial(t, s).alive()
}

func TestOrigin(t *testing.T) {
	patterns := start(t, &Server{OriginPatterns: []string{"https://app.example", "*.trusted.example"}})
	any := start(t, &Server{OriginPatterns: []string{"*"}})
	def := start(t, &Server{})
	for _, test := range []struct {
		name   string
		s      *Server
		origin string
		ok     bool
	}{
		{"none_is_no_browser", def, "", true},
		{"same", def, "Origin: http://example.com", true},
		{"same_in_another_case", def, "Origin: http://EXAMPLE.com", true},
		{"other_host", def, "Origin: http://other.example", false},
		{"other_port", def, "Origin: http://example.com:8080", false},
		{"subdomain", def, "Origin: http://a.example.com", false},
		{"suffix", def, "Origin: http://badexample.com", false},
		{"null", def, "Origin: null", false},
		{"pattern", patterns, "Origin: https://app.example", true},
		{"pattern_other_scheme", patterns, "Origin: http://app.example", false},
		{"wildcard", patterns, "Origin: https://a.trusted.example", true},
		{"wildcard_is_no_suffix", patterns, "Origin: https://untrusted.example", false},
		{"same_beside_patterns", patterns, "Origin: http://example.com", true},
		{"star", any, "Origin: https://anything.example", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := dialRaw(t, test.s)
			if test.origin == "" {
				p.send(with())
			} else {
				p.send(with(test.origin))
			}
			if test.ok {
				p.expectStatus(101)
			} else {
				p.expectRefusal(403)
			}
		})
	}
}

func TestSubprotocols_ServerPrefers(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		agreed := make(chan string, 1)
		s := start(t, &Server{Dispatch: d, Subprotocols: []string{"v2.chat", "v1.chat"},
			OnConnection: func(c *conn.Conn) { agreed <- c.Subprotocol() }})
		for _, test := range []struct {
			offers []string
			want   string
		}{
			{nil, ""},
			{[]string{"v1.chat"}, "v1.chat"},
			{[]string{"v1.chat, v2.chat"}, "v2.chat"},
			{[]string{"v1.chat", "x, v2.chat"}, "v2.chat"},
			{[]string{"other"}, ""},
			{[]string{"V2.CHAT"}, ""},
		} {
			var lines []string
			for _, o := range test.offers {
				lines = append(lines, "Sec-WebSocket-Protocol: "+o)
			}
			p := dialRaw(t, s)
			resp := p.handshake(lines...)
			if got := strings.Join(resp.Header["Sec-Websocket-Protocol"], "|"); got != test.want {
				t.Errorf("offered %q: answered %q, want %q", test.offers, got, test.want)
			}
			if got := receive(t, agreed); got != test.want {
				t.Errorf("offered %q: the connection has %q, want %q", test.offers, got, test.want)
			}
		}
	})
}

func TestSubprotocols_CheckChooses(t *testing.T) {
	var chosen cell[string]
	agreed := make(chan string, 1)
	s := start(t, &Server{Subprotocols: []string{"a"},
		Check:        func(h *Handshake) error { h.Subprotocol = chosen.get(); return nil },
		OnConnection: func(c *conn.Conn) { agreed <- c.Subprotocol() },
	})
	for _, choice := range []string{"b", ""} {
		chosen.set(choice)
		p := dialRaw(t, s)
		resp := p.handshake("Sec-WebSocket-Protocol: a, b")
		if got := resp.Header.Get("Sec-WebSocket-Protocol"); got != choice || receive(t, agreed) != choice {
			t.Errorf("chosen %q, answered %q", choice, got)
		}
	}
	chosen.set("c") // never 101 with what was not offered
	p := dialRaw(t, s)
	p.send(with("Sec-WebSocket-Protocol: a, b"))
	p.expectRefusal(500)
}

func TestPath(t *testing.T) {
	any, one := start(t, &Server{}), start(t, &Server{Path: "/ws"})
	for target, want := range map[string]int{
		"/ws": 101, "/ws?x=1": 101, "http://example.com/ws": 101, "/": 404, "/ws/": 404, "/%77s": 404, "/WS": 404, "/x/../ws": 404,
	} {
		p := dialRaw(t, one)
		p.send(replace("/chat?room=1", target))
		p.expectStatus(want)
		p = dialRaw(t, any)
		p.send(replace("/chat?room=1", target))
		p.expectStatus(101)
	}
}

// The log has the reason that Check gave for refusing a client. The client does not get it.
func TestCheck_WhatItSaysIsLoggedAndNotSent(t *testing.T) {
	modes(t, func(t *testing.T, d conn.Dispatch) {
		var log journal
		s := start(t, &Server{Logger: log.logger(), CheckDispatch: min(d, conn.OnGoroutines), Check: func(h *Handshake) error {
			switch h.Request.Header.Get("Refuse") {
			case "plainly":
				return errors.New("the token has expired")
			case "wrapped":
				return fmt.Errorf("no such user: %w", &Refusal{Status: 401})
			case "oddly":
				return &Refusal{Status: 599}
			}
			return (*Refusal)(nil)
		}})
		for refuse, want := range map[string]struct {
			status     int
			body, says string
		}{
			"plainly": {403, "refused (RFC 9110 15.5.4)\n", `error="the token has expired"`},
			"wrapped": {401, "Unauthorized\n", `error="no such user: framerail: handshake refused: Unauthorized"`},
			"oddly":   {599, "status 599\n", `status=599 reason="status 599"`},
			"nil":     {403, "refused (RFC 9110 15.5.4)\n", `status=403`},
		} {
			p := dialRaw(t, s)
			p.send(with("Refuse: " + refuse))
			if _, body := p.expectRefusal(want.status); body != want.body {
				t.Errorf("%s: got %q", refuse, body)
			}
			log.expect(t, want.says)
		}
	})
}
