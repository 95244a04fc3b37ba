package server

import (
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
)

func TestUpgrade_RefusalsAreHTTPAnswers(t *testing.T) {
	results := make(chan error, 1)
	s := &Server{OnMessage: echo, Check: func(h *Handshake) error {
		switch h.Request.Header.Get("Refuse") {
		case "badly":
			return &Refusal{Status: 101}
		case "1":
			return &Refusal{Status: 401, Body: "who?", Header: http.Header{"Www-Authenticate": {"Basic"}}}
		}
		return nil
	}}
	web := serveWeb(t, s, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Service", "s")
		w.Header().Set("Content-Length", "1")
		upgrades(s, results).ServeHTTP(w, r)
	}))
	for _, test := range []struct {
		name, request string
		status        int
		header        string // "Name: value"
		reason        Reason
	}{
		{"ordinary", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 426, "Upgrade: websocket", ReasonNotUpgrade},
		{"version", replace("Version: 13", "Version: 8"), 426, "Sec-WebSocket-Version: 13", ReasonVersion},
		{"POST", replace("GET", "POST"), 405, "Allow: GET", ReasonNotUpgrade},
		{"HEAD", replace("GET", "HEAD"), 405, "Allow: GET", ReasonNotUpgrade},
		{"HTTP_1.0", replace("HTTP/1.1", "HTTP/1.0"), 400, "", ReasonMalformed},
		{"no_key", replace("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), 400, "", ReasonMalformed},
		{"origin", with("Origin: https://evil.example"), 403, "", ReasonOrigin},
		{"Check", with("Refuse: 1"), 401, "Www-Authenticate: Basic", ReasonCheck},
		{"Check_answer_impossible", with("Refuse: badly"), 500, "", ReasonInternal},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := web.dialRaw(t)
			// net/http has the connection still, and serves the next request on it.
			for range 2 {
				p.send(test.request)
				method, _, _ := strings.Cut(test.request, " ")
				resp, err := http.ReadResponse(p.r, &http.Request{Method: method})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadAll(resp.Body); err != nil {
					t.Error(err)
				}
				name, value, _ := strings.Cut(test.header, ": ")
				if resp.StatusCode != test.status || name != "" && resp.Header.Get(name) != value || resp.Header.Get("X-Service") != "s" {
					t.Errorf("got %s, %v", resp.Status, resp.Header)
				}
				var why *UpgradeError
				if err := receive(t, results); !errors.As(err, &why) || why.Status != test.status || why.Reason != test.reason {
					t.Errorf("got %v, want %d, %s", err, test.status, test.reason)
				}
				if resp.Close {
					break
				}
			}
		})
	}
	expectAllAccounted(t, s.Stats())
}

// A handler can tell what its program's Check had against a client, and the words name nothing
// that programs cannot see.
func TestUpgrade_ErrorIsTheOneOfCheck(t *testing.T) {
	errExpired := errors.New("the token has expired")
	s, results := &Server{Check: func(h *Handshake) error {
		if h.Request.Header.Get("Refuse") == "plainly" {
			return errExpired
		}
		return &Refusal{Status: 401}
	}}, make(chan error, 1)
	web := serveWeb(t, s, upgrades(s, results))
	for _, test := range []struct {
		request, says string
		status        int
		own           bool
	}{
		{with("Refuse: plainly"), "framerail: upgrade answered with 403: the token has expired", 403, true},
		{with("Refuse: 1"), "framerail: upgrade answered with 401: handshake refused: Unauthorized", 401, false},
		{replace("Version: 13", "Version: 8"), "framerail: upgrade answered with 426: Sec-WebSocket-Version is not 13 (RFC 6455 4.4)", 426, false},
	} {
		p := web.dialRaw(t)
		p.send(test.request)
		p.expectStatus(test.status)
		err := receive(t, results)
		var asked *Refusal
		if err == nil || err.Error() != test.says || errors.Is(err, errExpired) != test.own || errors.As(err, &asked) != (test.status == 401) {
			t.Errorf("got %v, want %s", err, test.says)
		}
	}
}

func TestUpgrade_HeaderOfTheHandlerThatCannotBeSentGets500(t *testing.T) {
	s, results := &Server{}, make(chan error, 1)
	web := serveWeb(t, s, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["X-A"] = []string{"b\r\nEvil: 1"}
		upgrades(s, results).ServeHTTP(w, r)
	}))
	p := web.dialRaw(t)
	p.send(with("A: b"))
	if resp := p.expectStatus(500); resp.Header.Get("Evil") != "" {
		t.Errorf("header %v", resp.Header)
	}
	if receive(t, results) == nil {
		t.Error("no error")
	}
}

func TestUpgrade_IsLimitedAndCounted(t *testing.T) {
	s := &Server{OnMessage: echo, Limits: Limits{MaxConnections: 3, MaxConnectionsPerAddress: 2}}
	web := serveWeb(t, s, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if addr := r.Header.Get("X-Real-Ip"); addr != "" {
			r.RemoteAddr = addr
		}
		_ = s.Upgrade(w, r, nil)
	}))
	refused := func(status int, headers ...string) {
		t.Helper()
		p := web.dialRaw(t)
		p.send(with(headers...))
		if resp := p.expectStatus(status); resp.Header.Get("Retry-After") == "" {
			t.Errorf("header %v", resp.Header)
		}
	}
	var in []*peer
	for range 2 {
		in = append(in, web.dial(t))
	}
	refused(http.StatusTooManyRequests)
	in = append(in, web.dial(t, "X-Real-Ip: ::ffff:192.0.2.7"))
	eventually(t, "the third", func() bool { return s.ClientCount() == 3 })
	if _, ok := s.Client(netip.MustParseAddrPort("192.0.2.7:0")); !ok {
		t.Error("not found by the address that middleware has set")
	}
	refused(http.StatusServiceUnavailable, "X-Real-Ip: 192.0.2.8")
	for _, p := range in {
		p.alive()
		p.Close()
	}
	s.run.nobody(t)
	web.dial(t).alive()
	st := s.Stats()
	expectAllAccounted(t, st)
	if st.Refused[ReasonConnections] != 1 || st.Refused[ReasonAddress] != 1 {
		t.Errorf("refused %v", st.Refused)
	}
}

func TestUpgrade_OptionsThatCannotBeMeantGet500(t *testing.T) {
	s, results := &Server{Limits: Limits{Limits: conn.Limits{MaxPending: -1}}}, make(chan error, 1)
	web := serveWeb(t, s, upgrades(s, results))
	p := web.dialRaw(t)
	p.send(with("A: b"))
	p.expectStatus(500)
	if err := receive(t, results); err == nil || !strings.Contains(err.Error(), "MaxPending") {
		t.Errorf("got %v", err)
	}
}

// Middleware that keeps the connection to itself is named, since it is what is to be changed,
// and so is what it lacks: also where other middleware lies before it.
func TestUpgrade_NamesTheMiddlewareThatKeepsTheConnection(t *testing.T) {
	for name, middleware := range map[string]func(http.Handler) http.Handler{
		"last": func(h http.Handler) http.Handler { return h },
		"first": func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(unwrapper{w}, r) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, results := &Server{}, make(chan error, 1)
			web := serveWeb(t, s, http.TimeoutHandler(middleware(upgrades(s, results)), time.Hour, ""))
			p := web.dialRaw(t)
			p.send(with("A: b"))
			p.expectStatus(500)
			err := receive(t, results)
			if want := "connection from a *http.timeoutWriter, which has no method Unwrap or Hijack: "; !errors.Is(err, http.ErrNotSupported) || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v", err)
			}
		})
	}
}
