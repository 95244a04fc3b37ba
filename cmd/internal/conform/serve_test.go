package conform

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// serveCases starts a server with the cases that match and returns its address.
func serveCases(t *testing.T, patterns ...string) (*Server, string) {
	t.Helper()
	cases, err := Select(ForClients(Cases()), patterns, nil)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &Server{Cases: cases, Patience: 20 * time.Second, Messages: 5}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return srv, ln.Addr().String()
}

// ask connects, reads one message and answers the Close.
func ask(t *testing.T, address, path string) string {
	t.Helper()
	c, _, err := websocket.Dial(t.Context(), "ws://"+address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	_, message, err := c.Read(t.Context())
	if err != nil && websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Fatal(err)
	}
	_, _, _ = c.Read(t.Context()) // takes the Close
	return string(message)
}

// echoCase is a client that sends back what comes, changed.
func echoCase(t *testing.T, address string, n int, change func([]byte) []byte) {
	t.Helper()
	options := &websocket.DialOptions{CompressionMode: websocket.CompressionContextTakeover, CompressionThreshold: 1}
	c, _, err := websocket.Dial(t.Context(), fmt.Sprintf("ws://%s/runCase?case=%d&agent=coder", address, n), options)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	c.SetReadLimit(32 << 20)
	for {
		kind, message, err := c.Read(t.Context())
		if err != nil {
			return
		}
		if err := c.Write(t.Context(), kind, change(message)); err != nil {
			return
		}
	}
}

// The conversation that clients for Autobahn have: how many, each, the report. A client
// that echoes passes what another library's client is known to pass.
func TestServer_tests_a_client(t *testing.T) {
	srv, address := serveCases(t, "1.*", "2.*", "4.*", "5.*", "7.1.1", "9.1.1", "10.*", "12.1.4", "12.5.15", "13.1.3")
	reports := make(chan Report, 1)
	srv.OnReport = func(r Report) { reports <- r }
	n, err := strconv.Atoi(ask(t, address, "/getCaseCount"))
	if err != nil || n != len(srv.Cases) {
		t.Fatalf("%d cases, %v; want %d", n, err, len(srv.Cases))
	}
	for i := range n {
		echoCase(t, address, i+1, func(b []byte) []byte { return b })
	}
	ask(t, address, "/updateReports?agent=coder")
	r := <-reports
	if r.Agent != "coder" || len(r.Results) != n {
		t.Errorf("a report of %d cases of %q", len(r.Results), r.Agent)
	}
	for i := range r.Results {
		if r := &r.Results[i]; r.Verdict != OK && r.Verdict != NonStrict || r.Closing != ClosingOK {
			t.Errorf("%s %v %v: %s; %s", r.ID, r.Verdict, r.Closing, r.Came, r.Ended)
		}
	}
}

func TestServer_catches_a_client(t *testing.T) {
	srv, address := serveCases(t, "1.1.2", "12.1.4")
	for i := range srv.Cases {
		echoCase(t, address, i+1, func(b []byte) []byte { b[0] ^= 1; return b })
	}
	for i, c := range srv.Cases {
		var status, info map[string]string
		if err := json.Unmarshal([]byte(ask(t, address, fmt.Sprintf("/getCaseStatus?case=%d&agent=coder", i+1))), &status); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(ask(t, address, fmt.Sprintf("/getCaseInfo?case=%d", i+1))), &info); err != nil {
			t.Fatal(err)
		}
		if status["behavior"] != "FAILED" || info["id"] != c.ID || info["description"] == "" {
			t.Errorf("%v, %v", status, info)
		}
	}
}

// What only a client can do wrong.
func TestServer_catches_clients_handshakes_and_frames(t *testing.T) {
	srv, address := serveCases(t, "1.1.1")
	good := "GET /runCase?case=1&agent=%s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " +
		base64.StdEncoding.EncodeToString(make([]byte, 16)) + "\r\nSec-WebSocket-Version: 13\r\n\r\n"
	for agent, tt := range map[string]struct{ request, then, came string }{
		"key":      {strings.Replace(good, "AAAAAA", "AAAA", 1), "", "Sec-WebSocket-Key"},
		"version":  {strings.Replace(good, "13", "8", 1), "", "Sec-WebSocket-Version"},
		"upgrade":  {strings.Replace(good, "websocket", "h2c", 1), "", "Upgrade"},
		"HTTP/1.0": {strings.Replace(good, "HTTP/1.1", "HTTP/1.0", 1), "", "HTTP/1.1 are due"},
		"unmasked": {good, "\x81\x00", "not masked"},
	} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(conn, tt.request+tt.then, agent)
		_, _ = io.Copy(io.Discard, conn)
		conn.Close()
		if !found(srv, agent, tt.came) {
			t.Errorf("%s: %+v", agent, srv.Reports())
		}
	}
}

// found reports whether an agent's one case has FAILED for what is named. The result
// may come a moment after the connection has ended.
func found(srv *Server, agent, came string) bool {
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		for _, r := range srv.Reports() {
			if r.Agent == agent && len(r.Results) > 0 {
				return r.Results[0].Verdict == Failed && strings.Contains(r.Results[0].Came, came)
			}
		}
	}
	return false
}

func TestServer_says_what_it_is(t *testing.T) {
	_, address := serveCases(t, "1.1.1")
	for _, path := range []string{"/", "/runCase?case=0", "/runCase?case=2", "/runCase?case=x"} {
		resp, err := http.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusNotFound || !strings.Contains(string(body), "/getCaseCount") {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
	}
}

// Sentences are told the other way round, and what only servers do is left out.
func TestForClients(t *testing.T) {
	for _, c := range ForClients([]Case{
		{ID: "1.1.1", Sent: "The client sends.", Expected: "The server answers."}, {ID: "handshake.1"}, {ID: "bytes.attack.1"}, {ID: "deflate.2.1"},
	}) {
		if c.ID != "1.1.1" || c.Sent != "The server sends." || c.Expected != "The client answers." {
			t.Errorf("%+v", c)
		}
	}
}
