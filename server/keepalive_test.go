package server

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

// plainAndTLS runs a test with a server's connections plain and over TLS.
func plainAndTLS(t *testing.T, f func(t *testing.T, begin func(testing.TB, *Server) *Server, dial func(testing.TB, *Server) *peer)) {
	t.Run("plain", func(t *testing.T) { f(t, start, dialRaw) })
	t.Run("tls", func(t *testing.T) {
		f(t, startTLS, func(t testing.TB, s *Server) *peer { return secured(t, s, trusting()) })
	})
}

func (p *peer) expectBody(want string) *http.Response {
	p.t.Helper()
	resp := p.expectStatus(200)
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != want {
		p.t.Fatalf("got %q, %v; want %q", body, err, want)
	}
	return resp
}

// net/http answers what comes on a connection until a handshake does, in one segment or
// in bytes: frames behind that, too.
func TestHandler_KeepAliveAndPipelining(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, begin func(testing.TB, *Server) *Server, dial func(testing.TB, *Server) *peer) {
		s := begin(t, handled(describe))
		get := func(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n" }
		post := "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
		all := get("/1") + post + get("/3") + with("A: b") + masked(frame.Text, true, "glued")
		for name, send := range map[string]func(p *peer){
			"whole":    func(p *peer) { p.send(all) },
			"in_bytes": func(p *peer) { p.drip(all) },
			"in_turns": func(p *peer) {
				p.send(get("/1") + post[:20])
				p.send(post[20:] + get("/3") + with("A: b")[:30])
				p.send(all[len(get("/1")+post+get("/3"))+30:])
			},
		} {
			t.Run(name, func(t *testing.T) {
				p := dial(t, s)
				send(p)
				p.expectBody("GET /1 HTTP/1.1  <nil>")
				p.expectBody("POST /p HTTP/1.1 hello <nil>")
				p.expectBody("GET /3 HTTP/1.1  <nil>")
				p.expectStatus(101)
				p.expectText("glued")
				text := strings.Repeat("z", 50_000)
				p.text(text)
				p.expectText(text)
				p.close(1000, "")
				p.expectClose(1000)
				p.expectEOF()
			})
		}
		s.run.nobody(t)
		expectAllAccounted(t, s.Stats())
	})
}

// What HTTP has for a connection that is kept, one after the other on the same.
func TestHandler_ExpectHTTP10AndLargeResponsesKeepTheConnection(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", 256<<10)
	plainAndTLS(t, func(t *testing.T, begin func(testing.TB, *Server) *Server, dial func(testing.TB, *Server) *peer) {
		mux := http.NewServeMux()
		mux.HandleFunc("/", describe)
		mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, large) })
		s := begin(t, &Server{OnMessage: echo, Handler: mux})
		p := dial(t, s)
		p.send("POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
		p.expectStatus(100)
		p.send("hello")
		p.expectBody("POST /e HTTP/1.1 hello <nil>")
		p.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
		p.expectBody(large)
		p.send("POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
		p.expectBody("POST /c HTTP/1.1 hello <nil>")
		p.send("GET /0 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
		p.expectBody("GET /0 HTTP/1.0  <nil>")
		p.handshake()
		p.alive()

		p = dial(t, s)
		p.send("GET /0 HTTP/1.0\r\n\r\n")
		p.expectBody("GET /0 HTTP/1.0  <nil>")
		p.expectEOF()
	})
}

func TestHandler_LaterHandshakesFollowTheServersRules(t *testing.T) {
	s := handled(describe)
	s.Path = "/chat"
	start(t, s)
	for _, test := range []struct {
		request string
		status  int
	}{
		{replace("/chat?room=1", "/other"), 404},
		{with("Origin: http://evil.example"), 403},
		{replace("Version: 13", "Version: 8"), 426},
	} {
		p := dialRaw(t, s)
		p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n" + test.request)
		p.expectBody("GET / HTTP/1.1  <nil>")
		resp := p.expectStatus(test.status)
		_, _ = io.Copy(io.Discard, resp.Body)
		p.handshake() // it may try again
		p.alive()
	}
	expectAllAccounted(t, s.Stats())
}

// A connection is one, be it with net/http or on its way back.
func TestHandler_AConnectionThatComesBackIsCountedOnce(t *testing.T) {
	s := handled(describe)
	s.Limits = Limits{MaxConnections: 1}
	start(t, s)
	for range 3 {
		p := dialRaw(t, s)
		p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		p.expectBody("GET / HTTP/1.1  <nil>")
		s.run.admissionIs(t, 1)
		p.handshake()
		p.alive()
		s.run.admissionIs(t, 1)
		p.Close()
		s.run.nobody(t)
	}
}

// An idle connection of net/http's ends with IdleTimeout.
func TestHandler_IdleConnectionsEnd(t *testing.T) {
	s := handled(describe)
	s.IdleTimeout = 50 * time.Millisecond
	start(t, s)
	p := dialRaw(t, s)
	p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	p.expectBody("GET / HTTP/1.1  <nil>")
	p.expectEOF()
}

func TestRouteUpgrades_TheMuxRoutesHandshakes(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, begin func(testing.TB, *Server) *Server, dial func(testing.TB, *Server) *peer) {
		s := &Server{RouteUpgrades: true}
		mux := http.NewServeMux()
		mux.HandleFunc("/rooms/{room}", func(w http.ResponseWriter, r *http.Request) {
			if err := s.Upgrade(w, r, func(c *conn.Conn) {
				_ = c.SendText(r.PathValue("room"))
				c.OnMessage(echo)
			}); err != nil {
				t.Error(err)
			}
		})
		mux.HandleFunc("/page", describe)
		s.Handler = mux
		begin(t, s)
		p := dial(t, s)
		p.send("GET /page HTTP/1.1\r\nHost: a\r\n\r\n")
		p.expectBody("GET /page HTTP/1.1  <nil>")
		p.send(replace("/chat?room=1", "/nowhere"))
		_, _ = io.Copy(io.Discard, p.expectStatus(404).Body)
		p.send(replace("/chat?room=1", "/rooms/red"))
		p.expectStatus(101)
		p.expectText("red")
		p.alive()
	})
}

// One server's Handler may upgrade to another's connections.
func TestUpgrade_ToAnotherServerFromAHandler(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, begin func(testing.TB, *Server) *Server, dial func(testing.TB, *Server) *peer) {
		other := &Server{OnMessage: echo}
		prepare(other)
		s := begin(t, &Server{RouteUpgrades: true, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := other.Upgrade(w, r, nil); err != nil {
				t.Error(err)
			}
		})})
		t.Cleanup(func() { other.Close() })
		p := dial(t, s)
		p.handshake()
		p.alive()
		s.run.nobody(t)
		other.run.admissionIs(t, 1)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		p.alive()
	})
}
