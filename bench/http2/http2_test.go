package http2

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/framerail/framerail/server"
)

// Fifty WebSockets share a connection with each other and with ordinary requests.
func TestStreams_ShareAConnectionWithRequests(t *testing.T) {
	s := serve(t, on)
	tr := s.transport()
	const streams = 50
	var all sync.WaitGroup
	for i := range streams {
		c := s.open(tr, "/ws")
		if seen := c.answer.Header.Get("X-Seen"); seen != "CONNECT HTTP/2.0" {
			t.Fatalf("the handler has seen %q", seen)
		}
		all.Go(func() {
			for j, size := range []int{0, 1, 125, 126, 5000, 70_000, 200_000} {
				c.echo(strings.Repeat(fmt.Sprint(i, j), size)[:size])
			}
		})
		all.Go(func() {
			r, err := http.NewRequest(http.MethodGet, "https://"+s.addr+"/plain", nil)
			if err != nil {
				t.Error(err)
				return
			}
			answer, err := tr.RoundTrip(r)
			if err != nil {
				t.Error(err)
				return
			}
			defer answer.Body.Close()
			if b, err := io.ReadAll(answer.Body); err != nil || string(b) != "HTTP/2.0" {
				t.Errorf("an ordinary request gets %q, %v", b, err)
			}
		})
	}
	all.Wait()
	if n := s.ask("clients"); n != "1" {
		t.Errorf("%s connections, want one", n)
	}
	if st := s.stats(); st.Opened != streams || st.Closed != 0 {
		t.Errorf("%+v", st)
	}
}

// The answer to an extended CONNECT has what was agreed on, and nothing of Upgrade.
func TestHandshake(t *testing.T) {
	s := serve(t, on)
	tr := s.transport()
	c := s.open(tr, "/connect", "Sec-Websocket-Protocol: other, chat", "Sec-Websocket-Extensions: permessage-deflate",
		"Origin: https://"+s.addr)
	for name, want := range map[string]string{
		"Sec-WebSocket-Protocol": "chat", "Upgrade": "", "Connection": "", "Sec-WebSocket-Accept": "", "Content-Length": "",
		"Sec-WebSocket-Extensions": "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
	} {
		if got := c.answer.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	c.echo("hello")

	for what, test := range map[string]struct {
		field, path string
		status      int
	}{
		"another version":  {"Sec-Websocket-Version: 8", "/ws", http.StatusBadRequest},
		"no version":       {"Sec-Websocket-Version: ", "/ws", http.StatusBadRequest},
		"another protocol": {":protocol: connect-udp", "/ws", http.StatusNotImplemented},
		"another origin":   {"Origin: https://elsewhere.example", "/ws", http.StatusForbidden},
		"a hidden writer":  {"X-A: b", "/hidden/ws", http.StatusInternalServerError},
	} {
		c, err := s.dial(tr, test.path, test.field)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if c.answer.StatusCode != test.status {
			t.Errorf("%s: %s, want %d", what, c.answer.Status, test.status)
		}
		if v := c.answer.Header.Get("Sec-WebSocket-Version"); (v == "13") != strings.Contains(what, "version") {
			t.Errorf("%s: Sec-WebSocket-Version %q", what, v)
		}
	}

	r, err := http.NewRequest(http.MethodGet, "https://"+s.addr+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := tr.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if b, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusHTTPVersionNotSupported || !strings.Contains(string(b), "extended CONNECT") {
		t.Errorf("a GET gets %s: %s", answer.Status, b)
	}
	if st := s.stats(); st.Opened != 1 {
		t.Errorf("%+v", st)
	}
}

// Middleware that compresses an answer would write behind the last frame, when the handler returns. So a handshake inside it
// is refused. Where it does not compress, as for a client that wants none, nothing touches the frames or follows them.
func TestHandshake_BehindMiddleware(t *testing.T) {
	s := serve(t, on)
	tr := s.transport()
	refused, err := s.dial(tr, "/wrapped", "Accept-Encoding: gzip")
	if err != nil || refused.answer.StatusCode != http.StatusInternalServerError {
		t.Errorf("inside middleware that compresses: %v, %v", refused, err)
	}
	c := s.open(tr, "/wrapped", "Accept-Encoding: identity")
	if got := c.answer.Header.Get("Content-Encoding"); got != "" {
		t.Errorf("the answer is encoded with %s", got)
	}
	c.echo(strings.Repeat("hello", 10_000))
	c.closeBoth()
}

// Upgrade after an answer of the handler's does not touch that.
func TestHandshake_AfterAnAnswer(t *testing.T) {
	s := serve(t, on)
	c, err := s.dial(s.transport(), "/answered")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(c.answer.Body); err != nil || c.answer.StatusCode != http.StatusTeapot || string(b) != "true" {
		t.Errorf("%s: %q, %v", c.answer.Status, b, err)
	}
}

// A stream's end and its reset are what the end and the reset of a TCP connection are.
func TestEnds(t *testing.T) {
	s := serve(t, on)
	tr := s.transport()
	for cause, end := range map[server.Cause]func(c *stream){
		server.CauseClean:   (*stream).closeBoth,
		server.CauseEOF:     func(c *stream) { _ = c.Close() },
		server.CauseNetwork: func(c *stream) { c.reset() },
	} {
		c := s.open(tr, "/ws")
		c.echo("hello")
		end(c)
		eventually(t, string(cause), func() bool { return s.stats().Causes[cause] == 1 })
	}
	// The connection is still good for others.
	s.open(tr, "/ws").echo("hello")
	if n := s.ask("clients"); n != "1" {
		t.Errorf("%s connections, want one", n)
	}
}

// The timeouts of the http.Server are for requests, and not for WebSockets.
func TestTimeoutsOfTheServerHaveNoEffect(t *testing.T) {
	s := serve(t, on, timed)
	c := s.open(s.transport(), "/ws")
	time.Sleep(2 * timeout)
	c.echo("still there")
}

// A client that does not read keeps the server from sending, and others on the same connection go on.
func TestBackPressure_OfAClient(t *testing.T) {
	s := serve(t, on)
	tr := s.transport()
	c := s.open(tr, "/flood")
	eventually(t, "bytes that wait", func() bool { return s.stats().Pending > 0 })
	s.open(tr, "/ws").echo("meanwhile")
	for i := range floodMessages {
		b, op, err := wsutil.ReadServerData(c)
		if err != nil || op != ws.OpBinary || len(b) != floodSize {
			t.Fatalf("message %d: %d bytes, %v, %v", i, len(b), op, err)
		}
	}
}

// A client that reads nothing for WriteTimeout is cut, and its stream is reset. Others on the same connection go on.
func TestStalledClientIsCut(t *testing.T) {
	s := serve(t, on)
	tr := s.transport()
	c := s.open(tr, "/impatient")
	eventually(t, "the cut", func() bool { return s.stats().Causes[server.CauseWriteStalled] == 1 })
	if _, err := io.Copy(io.Discard, c); err == nil {
		t.Error("the stream ends as if nothing were missing")
	}
	s.open(tr, "/ws").echo("hello")
	if n := s.ask("clients"); n != "1" {
		t.Errorf("%s connections, want one", n)
	}
}

// A server whose callback blocks is not read, and keeps the client from sending.
func TestBackPressure_OfTheServer(t *testing.T) {
	s := serve(t, on)
	tr := s.transport()
	c := s.open(tr, "/slow")
	const messages, size = 60, 100_000
	sent := make(chan error, messages)
	go func() {
		for range messages {
			sent <- c.say(strings.Repeat("x", size))
		}
	}()
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	other := s.open(tr, "/ws")
	for range 100 { // as long as this takes, all that there is room for has been sent
		other.echo("meanwhile")
	}
	if len(sent) == messages-1 {
		t.Error("nothing keeps the client from sending")
	}
	s.ask("release")
	for range messages {
		c.expect(fmt.Sprint(size))
	}
}

func TestShutdown_ClosesStreams(t *testing.T) {
	s := serve(t, on)
	tr := s.transport()
	var all sync.WaitGroup
	for range 10 {
		c := s.open(tr, "/ws")
		c.echo("hello")
		all.Go(func() { c.expectClose(ws.StatusGoingAway) })
	}
	if got := s.ask("shutdown"); got != "10 clean, 0 forced, <nil>" {
		t.Error(got)
	}
	all.Wait()
	c, err := s.dial(tr, "/ws")
	if err != nil || c.answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("after Shutdown: %v, %v", c, err)
	}
}

// Without the setting net/http does not announce RFC 8441, and clients use HTTP/1.1.
func TestWithoutTheSetting_ItIsNotAnnounced(t *testing.T) {
	s := serve(t, "GODEBUG=")
	if _, err := s.dial(s.transport(), "/ws"); err == nil || !strings.Contains(err.Error(), "extended connect not supported by peer") {
		t.Error(err)
	}
}
