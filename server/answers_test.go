package server

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
)

// Browsers open connections in advance. One on which no byte has come is closed without a
// word, since an answer to no request would be taken for that to a later one.
func TestHandshake_ASilentConnectionIsClosedSilently(t *testing.T) {
	parallel(t)
	plainAndTLS(t, func(t *testing.T, begin func(testing.TB, *Server) *Server, dial func(testing.TB, *Server) *peer) {
		parallel(t)
		var log journal
		s := begin(t, &Server{Limits: Limits{HandshakeTimeout: 10 * time.Second}, Logger: log.logger()})
		p, speaks := dial(t, s), dial(t, s)
		speaks.send("G")
		if b, err := io.ReadAll(p.r); err != nil || len(b) > 0 {
			t.Errorf("got %q, %v", b, err)
		}
		p.Close()
		speaks.expectRefusal(http.StatusRequestTimeout)
		speaks.Close()
		s.run.nobody(t)
		if n := s.Stats().Refused[ReasonTimeout]; n != 2 {
			t.Errorf("%d counted, want 2", n)
		}
		if n := log.lines("handshake refused"); n != 1 {
			t.Errorf("%d lines, want that of the other alone:\n%s", n, &log)
		}
	})
}

func TestHandshake_RefusalsHaveADate(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, begin func(testing.TB, *Server) *Server, dial func(testing.TB, *Server) *peer) {
		for name, dispatch := range map[string]conn.Dispatch{"OnLoop": conn.OnLoop, "OnGoroutines": conn.OnGoroutines} {
			t.Run(name, func(t *testing.T) {
				s := begin(t, &Server{Path: "/chat", CheckDispatch: dispatch, Check: func(h *Handshake) error {
					if h.Request.Header.Get("Date") != "" {
						return &Refusal{Status: 503, Header: http.Header{"Date": {"Thu, 01 Jan 1970 00:00:00 GMT"}}}
					}
					return errors.New("refused")
				}})
				for request, status := range map[string]int{
					with("A: b"):                   403,
					replace("/chat", "/other"):     404,
					replace("GET /chat", "HEAD /"): 404,
					"GET / HTTP/1.1\r\n\r\n":       400,
				} {
					p := dial(t, s)
					p.send(request)
					resp := p.expectStatus(status)
					at, err := http.ParseTime(resp.Header.Get("Date"))
					if err != nil || time.Since(at).Abs() > time.Minute {
						t.Errorf("%d: %q, %v", status, resp.Header["Date"], err)
					}
				}
				p := dial(t, s)
				p.send(with("Date: today"))
				if got := p.expectStatus(503).Header["Date"]; len(got) != 1 || !strings.Contains(got[0], "1970") {
					t.Errorf("the program's own date became %q", got)
				}
			})
		}
	})
}

// A client that expects 100 gets it before 101 (RFC 9110 7.8). A refusal comes at once (10.1.1). No other
// expectation can be met.
func TestHandshake_Expect(t *testing.T) {
	s := start(t, &Server{OnMessage: echo, Path: "/chat"})
	routed := &Server{OnMessage: echo, RouteUpgrades: true}
	mux := http.NewServeMux()
	mux.Handle("/chat", upgrades(routed, nil))
	routed.Handler = mux
	start(t, routed)
	for _, s := range []*Server{s, routed} {
		for _, expectation := range []string{"100-continue", "100-Continue", ", 100-continue,"} {
			p := dialRaw(t, s)
			p.send(with("Expect: " + expectation))
			p.expectStatus(100)
			p.expectStatus(101)
			p.alive()
		}
		p := dialRaw(t, s)
		p.send(strings.Replace(with("Expect: 100-continue"), "/chat", "/other", 1))
		p.expectStatus(404)
		for _, other := range []string{"200-ok", "100-continue, more"} {
			p := dialRaw(t, s)
			p.send(with("Expect: " + other))
			p.expectStatus(http.StatusExpectationFailed)
		}
		dial(t, s, "Expect:").alive()
	}
}

// A handler that has answered has given its chance away: nothing more is written.
func TestUpgrade_AfterTheAnswerIsAnError(t *testing.T) {
	results := make(chan error, 1)
	for name, w := range map[string]func(w http.ResponseWriter) http.ResponseWriter{
		"plain":   func(w http.ResponseWriter) http.ResponseWriter { return w },
		"wrapped": func(w http.ResponseWriter) http.ResponseWriter { return unwrapper{w} },
	} {
		for what, write := range map[string]func(http.ResponseWriter){
			"status": func(w http.ResponseWriter) { w.WriteHeader(http.StatusAccepted) },
			"body":   func(w http.ResponseWriter) { _, _ = io.WriteString(w, "an answer") },
			"flush":  func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() },
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				s := &Server{OnMessage: echo}
				web := serveWeb(t, s, http.HandlerFunc(func(hw http.ResponseWriter, r *http.Request) {
					write(hw)
					results <- s.Upgrade(w(hw), r, nil)
				}))
				p := web.dialRaw(t)
				p.send(with("Connection: close"))
				resp := p.response()
				body, err := io.ReadAll(resp.Body)
				if err != nil || resp.StatusCode/100 != 2 || strings.Contains(string(body), "101") {
					t.Errorf("got %s, %q, %v", resp.Status, body, err)
				}
				var why *UpgradeError
				if err := receive(t, results); !errors.Is(err, ErrAnswered) || !errors.As(err, &why) || why.Status != 0 {
					t.Errorf("Upgrade returned %v", err)
				}
				p.expectEOF()
			})
		}
	}
}

// unwrapper is a ResponseWriter as middleware makes it.
type unwrapper struct{ http.ResponseWriter }

func (u unwrapper) Unwrap() http.ResponseWriter { return u.ResponseWriter }

// A configuration of the program's for one client must not have it agree on HTTP/2.
func TestTLS_GetConfigForClientNeverAgreesOnHTTP2(t *testing.T) {
	for name, protocols := range map[string][]string{"h2_first": {"h2", "http/1.1"}, "h2_alone": {"h2"}, "none": nil} {
		t.Run(name, func(t *testing.T) {
			config := &tls.Config{Certificates: []tls.Certificate{exampleCertificate()}}
			own := config.Clone()
			own.NextProtos = protocols
			config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return own, nil }
			s := startTLS(t, &Server{OnMessage: echo, TLSConfig: config})

			client := trusting()
			client.NextProtos = []string{"h2", "http/1.1"}
			p := secured(t, s, client)
			if got := p.Conn.(*tls.Conn).ConnectionState().NegotiatedProtocol; got != "http/1.1" {
				t.Errorf("agreed on %q", got)
			}
			p.handshake()
			p.alive()

			client.NextProtos = []string{"h2"}
			c, err := tls.Dial("tcp", s.ListenAddr().String(), client)
			if err == nil {
				c.Close()
				t.Errorf("agreed on %q with a client of HTTP/2 alone", c.ConnectionState().NegotiatedProtocol)
			}
		})
	}
}
