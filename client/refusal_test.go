package client

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/server"
)

// refused dials and returns the *HandshakeError.
func refused(t *testing.T, c *Client, url string) *HandshakeError {
	t.Helper()
	_, err := c.Dial(soon(t), url)
	var refusal *HandshakeError
	if !errors.As(err, &refusal) {
		t.Fatalf("%v is no HandshakeError", err)
	}
	return refusal
}

// A refusal is an error with the status, the header and the first KiB of the body.
func TestHandshakeError_OfARefusal(t *testing.T) { bothWays(t, testHandshakeError_OfARefusal) }

func testHandshakeError_OfARefusal(t *testing.T) {
	srv := &server.Server{Check: func(*server.Handshake) error {
		return &server.Refusal{Status: 429, Header: http.Header{"Retry-After": {"7"}}, Body: "too many of you\n" + strings.Repeat("x", 5_000)}
	}}
	url := start(t, srv, false)
	e := refused(t, closed(t, new(Client)), url)
	if e.Status != 429 || e.Header.Get("Retry-After") != "7" || len(e.Body) != 1024 || !errors.Is(e, handshake.ErrAnswerStatus) {
		t.Errorf("%d, %v, %d bytes", e.Status, e.Header, len(e.Body))
	}
	if want := `framerail: handshake refused with 429 Too Many Requests: "too many of you"`; e.Error() != want {
		t.Errorf("%q, want %q", e, want)
	}
}

// A body that does not come keeps nobody waiting.
func TestHandshakeError_SlowBody(t *testing.T) { bothWays(t, testHandshakeError_SlowBody) }

func testHandshakeError_SlowBody(t *testing.T) {
	url := serveRaw(t, func(nc net.Conn, _ *http.Request) {
		_, _ = io.WriteString(nc, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 100\r\n\r\nsorry")
	})
	if e := refused(t, closed(t, new(Client)), url); e.Status != 503 || string(e.Body) != "sorry" {
		t.Errorf("%d, %q", e.Status, e.Body)
	}
}

// A 101 that breaks a rule is an error that names the rule, and the connection is closed.
func TestHandshakeError_OfABrokenAnswer(t *testing.T) {
	bothWays(t, testHandshakeError_OfABrokenAnswer)
}

func testHandshakeError_OfABrokenAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		status, fields string
		says           string
	}{
		"accept":         {"101 x", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n", "Sec-WebSocket-Accept"},
		"no accept":      {"101 x", "Upgrade: websocket\r\nConnection: Upgrade\r\n", "Sec-WebSocket-Accept"},
		"upgrade":        {"101 x", "Upgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\n", "Upgrade"},
		"no upgrade":     {"101 x", "Connection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\n", "Upgrade"},
		"connection":     {"101 x", "Upgrade: websocket\r\nConnection: close\r\nSec-WebSocket-Accept: ACCEPT\r\n", "Connection"},
		"subprotocol":    {"101 x", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\nSec-WebSocket-Protocol: mqtt\r\n", `"mqtt"`},
		"extension":      {"101 x", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\nSec-WebSocket-Extensions: x-mux\r\n", "extension that was not offered"},
		"two extensions": {"101 x", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\nSec-WebSocket-Extensions: permessage-deflate, permessage-deflate\r\n", "twice"},
		"parameter":      {"101 x", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\nSec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=7\r\n", "parameter"},
		"lines":          {"101 x", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\n" + strings.Repeat("X: y\r\n", 98), "100 field lines"},
		"success":        {"200 OK", "Content-Length: 0\r\n", "200 OK"},
	} {
		t.Run(name, func(t *testing.T) {
			left := make(chan struct{})
			url := serveRaw(t, func(nc net.Conn, r *http.Request) {
				fields := strings.ReplaceAll(tc.fields, "ACCEPT", handshake.Accept(r.Header.Get("Sec-Websocket-Key")))
				_, _ = io.WriteString(nc, "HTTP/1.1 "+tc.status+"\r\n"+fields+"\r\n")
				_, _ = io.Copy(io.Discard, nc)
				close(left)
			})
			e := refused(t, closed(t, &Client{Subprotocols: []string{"chat"}, Deflate: Deflate{Enabled: true, ServerTakeover: true}}), url)
			if !strings.Contains(e.Error(), tc.says) || tc.status[:3] != strconv.Itoa(e.Status) {
				t.Errorf("%v, %d, want %q", e, e.Status, tc.says)
			}
			select {
			case <-left:
			case <-time.After(patience):
				t.Error("the connection is not closed")
			}
		})
	}
}

// What the server sends before its answer is complete is bounded.
func TestDial_AnswerWithoutEnd(t *testing.T) { bothWays(t, testDial_AnswerWithoutEnd) }

func testDial_AnswerWithoutEnd(t *testing.T) {
	for name, piece := range map[string]string{"one field": strings.Repeat("x", 1000), "fields": "X: y\r\n", "interim answers": "HTTP/1.1 103 Early Hints\r\n\r\n"} {
		t.Run(name, func(t *testing.T) {
			var sent atomic.Int64
			url := serveRaw(t, func(nc net.Conn, _ *http.Request) {
				head := "HTTP/1.1 101 Switching Protocols\r\nX: "
				if name == "interim answers" {
					head = ""
				}
				_, err := io.WriteString(nc, head)
				for ; err == nil; sent.Add(int64(len(piece))) {
					_, err = io.WriteString(nc, piece)
				}
			})
			if _, err := closed(t, new(Client)).Dial(soon(t), url); err == nil || !strings.Contains(err.Error(), "8192 bytes") {
				t.Error(err)
			}
		})
	}
}

// Check sees the answer, and its error ends the dial.
func TestClient_Check(t *testing.T) { bothWays(t, testClient_Check) }

func testClient_Check(t *testing.T) {
	url := start(t, &server.Server{}, false)
	unwanted := errors.New("not this one")
	c := closed(t, &Client{Check: func(r *http.Response) error {
		if r.StatusCode != 101 || r.Header.Get("Upgrade") != "websocket" {
			t.Errorf("%+v", r)
		}
		return unwanted
	}})
	if e := refused(t, c, url); !errors.Is(e, unwanted) || e.Status != 101 {
		t.Error(e)
	}
}

// Cookies of the jar are sent, and those of answers kept, of refusals too.
func TestClient_Jar(t *testing.T) { bothWays(t, testClient_Jar) }

func testClient_Jar(t *testing.T) {
	srv := new(server.Server)
	srv.Check = func(h *server.Handshake) error {
		c, err := h.Request.Cookie("session")
		if err != nil {
			return &server.Refusal{Status: 401, Header: http.Header{"Set-Cookie": {"session=s1"}}}
		}
		h.Header.Add("Set-Cookie", "session="+c.Value+"x")
		return nil
	}
	url := start(t, srv, false)
	jar, _ := cookiejar.New(nil)
	c := closed(t, &Client{Jar: jar})
	if e := refused(t, c, url); e.Status != 401 {
		t.Fatal(e)
	}
	for _, want := range []string{"session=s1", "session=s1x"} {
		nc, err := c.DialRequest(request(t, url), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = nc
		r, _ := http.NewRequest("GET", "http"+url[2:], nil)
		if got := jar.Cookies(r.URL); len(got) != 1 || got[0].String() != want+"x" {
			t.Errorf("%v, want %sx", got, want)
		}
	}
}

// request is a request of the program's for a URL.
func request(t *testing.T, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(soon(t), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
