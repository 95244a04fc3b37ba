package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/frame"
)

// describe answers with what it was asked.
func describe(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %s %s %v", r.Method, r.URL, r.Proto, body, err)
}

func handled(f http.HandlerFunc) *Server { return &Server{OnMessage: echo, Handler: f} }

// webClient makes one request for each connection.
func webClient(t testing.TB) *http.Client {
	tr := &http.Transport{DisableKeepAlives: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: peerPatience}
}

func TestHandler_ServesOrdinaryRequests(t *testing.T) {
	s := start(t, handled(describe))
	body := strings.Repeat("b", 50_000)
	for name, test := range map[string]struct {
		request string
		status  int
		want    string
	}{
		"GET":                   {"GET /x?y=1 HTTP/1.1\r\nHost: a\r\n\r\n", 200, "GET /x?y=1 HTTP/1.1  <nil>"},
		"keep-alive":            {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", 200, "GET / HTTP/1.1  <nil>"},
		"HEAD":                  {"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", 200, ""},
		"HTTP_1.0":              {"GET / HTTP/1.0\r\n\r\n", 200, "GET / HTTP/1.0  <nil>"},
		"HTTP_1.0_upgrade":      {"GET / HTTP/1.0\r\nUpgrade: websocket\r\n\r\n", 200, "GET / HTTP/1.0  <nil>"},
		"POST":                  {"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", 200, "POST /p HTTP/1.1 hello <nil>"},
		"POST_read_in_part":     {"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n" + body, 200, "POST /p HTTP/1.1 " + body + " <nil>"},
		"chunked":               {"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200, "POST /p HTTP/1.1 hello <nil>"},
		"OPTIONS":               {"OPTIONS /o HTTP/1.1\r\nHost: a\r\n\r\n", 200, "OPTIONS /o HTTP/1.1  <nil>"},
		"close":                 {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200, "GET / HTTP/1.1  <nil>"},
		"upgrade_to_other":      {"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", 200, "GET / HTTP/1.1  <nil>"},
		"handshake_is_verified": {replace("Version: 13", "Version: 8"), 426, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, send := range []func(*peer){
				func(p *peer) { p.send(test.request) },
				func(p *peer) { p.drip(test.request[:15]); p.send(test.request[15:]) },
			} {
				p := dialRaw(t, s)
				send(p)
				method, _, _ := strings.Cut(test.request, " ")
				resp, err := http.ReadResponse(p.r, &http.Request{Method: method})
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(resp.Body)
				if err != nil || resp.StatusCode != test.status || test.want != "" && string(got) != test.want {
					t.Errorf("got %s, %.60q, %v; want %.60q", resp.Status, got, err, test.want)
				}
				if resp.Close {
					p.expectGone()
					continue
				}
				p.handshake() // on the same connection
				p.alive()
			}
		})
	}
	dial(t, s).alive()
}

func TestHandler_Expect100Continue(t *testing.T) {
	p := dialRaw(t, start(t, handled(describe)))
	p.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
	p.expectStatus(100)
	p.send("hello")
	if body, err := io.ReadAll(p.expectStatus(200).Body); err != nil || !strings.Contains(string(body), "hello") {
		t.Errorf("got %q, %v", body, err)
	}
}

func TestHandler_SeesTheClient(t *testing.T) {
	s := start(t, handled(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.RemoteAddr) }))
	p := dialRaw(t, s)
	p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if body, _ := io.ReadAll(p.expectStatus(200).Body); string(body) != p.LocalAddr().String() {
		t.Errorf("the handler saw %q, the client is at %v", body, p.LocalAddr())
	}
}

func TestHandler_OverAUnixSocket(t *testing.T) {
	s := handled(describe)
	s.Addr = "unix:" + filepath.Join(t.TempDir(), "s")
	p := dialRaw(t, start(t, s))
	p.send("GET /u HTTP/1.1\r\nHost: a\r\n\r\n")
	if body, err := io.ReadAll(p.expectStatus(200).Body); err != nil || !strings.Contains(string(body), "GET /u") {
		t.Errorf("got %q, %v", body, err)
	}
}

func TestHandler_Hijacks(t *testing.T) {
	s := start(t, handled(func(w http.ResponseWriter, r *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		line, _ := rw.ReadString('\n')
		_, _ = io.WriteString(c, "hijacked: "+line)
	}))
	p := dialRaw(t, s)
	p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\nglued behind\n")
	if line, err := p.r.ReadString('\n'); err != nil || line != "hijacked: glued behind\n" {
		t.Errorf("got %q, %v", line, err)
	}
	p.expectEOF()
}

func TestHandler_PanicIsItsOwn(t *testing.T) {
	var log journal
	s := start(t, &Server{OnMessage: echo, Logger: log.logger(), Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		panic("handler went wrong")
	})})
	other := dial(t, s)
	p := dialRaw(t, s)
	p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	p.expectGone()
	log.expect(t, "handler went wrong")
	other.alive()
}

func TestHandler_ManyAtOnce(t *testing.T) {
	s := start(t, handled(describe))
	c := webClient(t)
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			for n := range 10 {
				want := fmt.Sprintf("%d of %d", n, i)
				resp, err := c.Post("http://"+s.ListenAddr().String(), "text/plain", strings.NewReader(want))
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || !strings.Contains(string(body), want) {
					t.Errorf("got %q, %v; want %q", body, err, want)
				}
			}
		})
	}
	for range 20 {
		dial(t, s).alive()
	}
	wg.Wait()
}

func TestHandler_NoRoomGets503(t *testing.T) {
	s := start(t, handled(describe))
	if err := s.run.http.Close(); err != nil { // as net/http does when it has had enough
		t.Fatal(err)
	}
	p := dialRaw(t, s)
	p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if resp, _ := p.expectRefusal(503); resp.Header.Get("Retry-After") == "" {
		t.Errorf("header %v", resp.Header)
	}
	dial(t, s).alive()
}

func TestHandler_ShutdownWaitsForIt(t *testing.T) {
	began, finish := make(chan bool), make(chan bool)
	s := start(t, handled(func(w http.ResponseWriter, r *http.Request) {
		began <- true
		<-finish
		_, _ = io.WriteString(w, "done")
	}))
	p := dialRaw(t, s)
	p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	receive(t, began)
	done := make(chan error, 1)
	go func() { done <- drain(s, context.Background()) }()
	select {
	case err := <-done:
		t.Fatalf("did not wait: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(finish)
	if body, err := io.ReadAll(p.expectStatus(200).Body); err != nil || string(body) != "done" {
		t.Errorf("got %q, %v", body, err)
	}
	if err := receive(t, done); err != nil {
		t.Error(err)
	}
}

func TestHandler_ShutdownCutsItAtTheDeadline(t *testing.T) {
	began, finish := make(chan bool), make(chan bool)
	s := start(t, handled(func(http.ResponseWriter, *http.Request) { began <- true; <-finish }))
	defer close(finish)
	p := dialRaw(t, s)
	p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	receive(t, began)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := drain(s, ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's error", err)
	}
	p.expectGone()
}

// If the Handler waits for close callbacks, as Upgrade does over HTTP/2, the error of Shutdown names those.
func TestHandler_ShutdownNamesCallbacksThatItWaitsFor(t *testing.T) {
	began, closing, finish := make(chan bool), make(chan bool, 1), make(chan bool)
	s := handled(func(http.ResponseWriter, *http.Request) { began <- true; <-finish })
	s.Dispatch = conn.OnGoroutines
	s.OnClose = func(*conn.Conn, conn.CloseInfo) { closing <- true; <-finish }
	start(t, s)
	defer close(finish)
	p, web := dial(t, s), dialRaw(t, s)
	p.alive()
	web.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	receive(t, began)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- drain(s, ctx) }()
	p.expectClose(frame.GoingAway)
	p.close(frame.GoingAway, "")
	receive(t, closing)
	for _, l := range s.run.loops {
		<-l.Done()
	}
	cancel()
	if err := receive(t, done); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "close callbacks have not returned") {
		t.Errorf("got %v", err)
	}
	web.expectGone()
}

// What waits for net/http when it ends is closed, not forgotten.
func TestHandler_NothingIsLeftInTheQueue(t *testing.T) {
	for range 20 {
		s := start(t, handled(describe))
		var peers []*peer
		for range 10 {
			p := dialRaw(t, s)
			p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
			peers = append(peers, p)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		for _, p := range peers {
			p.expectGone()
		}
	}
}

func TestHandler_StreamsItsAnswer(t *testing.T) {
	next := make(chan string)
	s := start(t, handled(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		for line := range next {
			_, _ = io.WriteString(w, line+"\n")
			_ = http.NewResponseController(w).Flush()
		}
	}))
	resp, err := webClient(t).Get("http://" + s.ListenAddr().String())
	if err == nil {
		defer resp.Body.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(resp.Body)
	for _, want := range []string{"one", "two"} {
		next <- want
		if !lines.Scan() || lines.Text() != want {
			t.Errorf("got %q, want %q", lines.Text(), want)
		}
	}
	close(next)
}
