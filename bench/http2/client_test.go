package http2

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"golang.org/x/net/http2"

	"github.com/framerail/framerail/bench/internal/self"
	"github.com/framerail/framerail/internal/test/missing"
	"github.com/framerail/framerail/server"
)

// patience bounds every wait. No test measures time.
const patience = 60 * time.Second

// on is what makes net/http accept an extended CONNECT.
const on = "GODEBUG=http2xconnect=1"

// served is a server in a process of its own.
type served struct {
	t testing.TB
	*self.Process
	addr  string
	trust *x509.CertPool
}

// serve starts a server with this in its environment.
func serve(t testing.TB, environment ...string) *served {
	t.Helper()
	p, err := self.Start(context.Background(), []string{"serve"}, func(cmd *exec.Cmd) {
		cmd.Env = append(os.Environ(), environment...)
	}, (*exec.Cmd).Start)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(patience); err != nil {
			t.Error(err)
		}
	})
	addr, cert, _ := strings.Cut(p.First, " ")
	der, err := base64.StdEncoding.DecodeString(cert)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	s := &served{t: t, Process: p, addr: addr, trust: x509.NewCertPool()}
	s.trust.AddCert(leaf)
	return s
}

func (s *served) ask(line string) string {
	s.t.Helper()
	answer, err := s.Ask(line)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer
}

// stats are those that a test looks at.
func (s *served) stats() (st struct {
	Opened, Closed uint64
	Pending        int64
	Causes         map[server.Cause]uint64
}) {
	s.t.Helper()
	if err := json.Unmarshal([]byte(s.ask("stats")), &st); err != nil {
		s.t.Fatal(err)
	}
	return st
}

// eventually waits until it is so.
func eventually(t testing.TB, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// transport is a client with one connection.
func (s *served) transport() http.RoundTripper {
	//lint:ignore SA1019 net/http's Transport, which is to take its place, refuses :protocol
	tr := &http2.Transport{TLSClientConfig: &tls.Config{RootCAs: s.trust}}
	//lint:ignore SA1019 the same
	s.t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// stream is a WebSocket, or what became of its handshake.
type stream struct {
	t      testing.TB
	answer *http.Response
	io.Reader
	*io.PipeWriter
	reset func() // RST_STREAM with CANCEL
}

// dial sends an extended CONNECT for a path. Fields with an empty value are left out.
func (s *served) dial(tr http.RoundTripper, path string, fields ...string) (*stream, error) {
	s.t.Helper()
	body, w := io.Pipe()
	r := &http.Request{
		Method: http.MethodConnect, URL: &url.URL{Scheme: "https", Host: s.addr, Path: path}, Body: body, ContentLength: -1,
		Header: http.Header{":protocol": {"websocket"}, "Sec-Websocket-Version": {"13"}},
	}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ": ")
		if r.Header[name] = []string{value}; value == "" {
			delete(r.Header, name)
		}
	}
	answer, err := tr.RoundTrip(r)
	if err != nil && strings.Contains(err.Error(), `invalid header field name ":protocol"`) {
		missing.End(s.t, "from Go 1.27 on golang.org/x/net/http2 is net/http's client, which refuses :protocol: test with -tags http2legacy")
	}
	if err != nil {
		return nil, err
	}
	reset := func() { _ = answer.Body.Close() }
	s.t.Cleanup(reset)
	return &stream{s.t, answer, answer.Body, w, reset}, nil
}

// open is dial for a handshake that must be accepted.
func (s *served) open(tr http.RoundTripper, path string, fields ...string) *stream {
	s.t.Helper()
	c, err := s.dial(tr, path, fields...)
	if err != nil {
		s.t.Fatal(err)
	}
	if c.answer.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(c.answer.Body)
		s.t.Fatalf("%s: %s", c.answer.Status, b)
	}
	return c
}

func (c *stream) say(text string) error { return wsutil.WriteClientText(c, []byte(text)) }

// expect reads the next message, which must be that text.
func (c *stream) expect(text string) {
	c.t.Helper()
	got, op, err := wsutil.ReadServerData(c)
	if err != nil || op != ws.OpText || string(got) != text {
		c.t.Errorf("got %.40q, %v, %v; want %.40q", got, op, err, text)
	}
}

func (c *stream) echo(text string) {
	c.t.Helper()
	said := make(chan error, 1)
	go func() { said <- c.say(text) }()
	c.expect(text)
	if err := <-said; err != nil {
		c.t.Error(err)
	}
}

// closeBoth sends a Close frame, and reads one, behind which nothing may follow.
func (c *stream) closeBoth() {
	c.t.Helper()
	if err := wsutil.WriteClientMessage(c, ws.OpClose, ws.NewCloseFrameBody(ws.StatusNormalClosure, "")); err != nil {
		c.t.Error(err)
	}
	if h, err := ws.ReadHeader(c); err != nil || h.OpCode != ws.OpClose {
		c.t.Errorf("%+v, %v", h, err)
	}
	if b, err := io.ReadAll(c); err != nil || len(b) != 2 { // the code alone
		c.t.Errorf("in the Close frame, and behind: % x, %v", b, err)
	}
}

// expectClose reads a Close frame, which wsutil answers, and then the end of the stream.
func (c *stream) expectClose(code ws.StatusCode) {
	c.t.Helper()
	_, _, err := wsutil.ReadServerData(c)
	if closed, ok := err.(wsutil.ClosedError); !ok || closed.Code != code {
		c.t.Errorf("closed with %v, want %d", err, code)
	}
	if n, err := io.Copy(io.Discard, c.answer.Body); n > 0 || err != nil {
		c.t.Errorf("behind the Close frame %d bytes and %v", n, err)
	}
}
