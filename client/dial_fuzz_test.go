package client

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/conn"
	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/platform"
)

// fuzzed is a client whose servers answer with what the test gives it.
type fuzzed struct {
	*Client
	accepted func(input []byte) bool // whether a dial may succeed with it
	answers  chan []byte
	ended    chan struct{}
}

func newFuzzed(f *testing.F, rt http.RoundTripper, redirects int) *fuzzed {
	return newFuzzedBy(f, rt, redirects, serveOnce, func(input []byte) bool {
		return bytes.Contains(input, []byte("101")) && bytes.Contains(input, []byte("ACCEPT"))
	})
}

// newFuzzedBy is newFuzzed, with servers of another kind.
func newFuzzedBy(f *testing.F, rt http.RoundTripper, redirects int, serve func(net.Conn, []byte), accepted func([]byte) bool) *fuzzed {
	z := &fuzzed{accepted: accepted, answers: make(chan []byte, 1), ended: make(chan struct{}, 1)}
	z.Client = &Client{
		Logger: quiet, Subprotocols: []string{"chat"}, Deflate: Deflate{Enabled: true, ServerTakeover: true}, MaxRedirects: redirects,
		Limits:    Limits{Limits: conn.Limits{CloseTimeout: 100 * time.Millisecond}, HandshakeTimeout: patience},
		Transport: rt,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			select {
			case input := <-z.answers:
				go serve(far, input)
			default: // a redirect's
				_ = far.Close()
			}
			return near, nil
		},
		OnMessage: func(*conn.Conn, conn.Message) {},
		OnClose:   func(*conn.Conn, conn.CloseInfo) { z.ended <- struct{}{} },
	}
	f.Cleanup(func() { _ = z.Close() })
	return z
}

// dial dials, and waits for the end of a connection.
func (z *fuzzed) dial(t *testing.T, input []byte) error {
	z.answers <- input
	nc, err := z.Dial(context.Background(), "ws://server.example/")
	if err != nil {
		if !strings.HasPrefix(err.Error(), "framerail: ") || errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		return err
	}
	select {
	case <-z.ended:
	case <-time.After(patience):
		t.Fatal("the connection does not end")
	}
	if request, _ := nc.Request(); request != nil {
		t.Error("the request is kept, and nobody has asked for it")
	}
	if !z.accepted(input) {
		t.Errorf("%q is accepted", input)
	}
	return nil
}

// FuzzDial gives a dial any bytes for an answer, and frames behind it. ACCEPT in them stands for the right
// Sec-WebSocket-Accept. The dial ends, with a connection or an error, and a connection ends with the bytes. What
// is accepted, net/http reads as a 101 that keeps the rules. A direct dial and one by net/http's Transport come to
// the same: a connection, a failure, or the same refusal. A proxy answers CONNECT with the bytes, too: there is a
// tunnel if net/http reads a 200.
func FuzzDial(f *testing.F) {
	if err := (platform.Real{}).Supported(); err != nil {
		f.Skip(err)
	}
	const answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ACCEPT\r\n"
	for _, input := range []string{
		answer + "\r\n", answer + "\r\n\x81\x02hi\x88\x02\x03\xe8", answer + "\r\n\x81\x82", answer + "Sec-WebSocket-Protocol: chat\r\n\r\n",
		answer + "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00", answer,
		"HTTP/1.1 103 Early Hints\r\n\r\n" + answer + "\r\n", "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\nhello", "\r\n\r\n", "",
		"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n", "HTTP/1.1 403 No\r\nContent-Length: 9\r\n\r\nno", "HTTP/1.1 101 x\r\n\r\n",
		"HTTP/1.1 503 x\r\nX: " + strings.Repeat("x", 9000) + "\r\n\r\n", strings.Repeat("HTTP/1.1 103 x\r\n\r\n", 500) + answer + "\r\n",
		"HTTP/1.1 101 x\r\nUpgrade: ACCEPT\r\n\r\n", "HTTP/1.1 403 No\r\n\r\nACCEPT",
		"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.0 200 Connection established\r\nProxy-Agent: x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n" + answer + "\r\n", "HTTP/1.1 200", "HTTP/1.1 204 x\r\n\r\n",
		"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 2\r\n\r\nno", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 9000) + "\r\n\r\n",
	} {
		f.Add([]byte(input))
	}
	redirected := newFuzzed(f, nil, 1)
	direct := newFuzzed(f, nil, 0)
	transport := newFuzzed(f, &http.Transport{}, 0)
	proxy := http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example"})
	tunnel := newFuzzedBy(f, &http.Transport{Proxy: proxy}, 0, serveTunnel, func(input []byte) bool {
		status, _ := readConnect(input)
		return status == http.StatusOK
	})
	f.Fuzz(func(t *testing.T, input []byte) {
		_ = redirected.dial(t, input)
		err := tunnel.dial(t, input)
		if status, behind := readConnect(input); status == http.StatusOK && behind == 0 && len(input) <= handshake.MaxHeadBytes && err != nil {
			t.Fatalf("a proxy that agrees: %v", err)
		}
		one, other := direct.dial(t, input), transport.dial(t, input)
		if (one == nil) != (other == nil) {
			t.Fatalf("directly: %v; by a Transport: %v", one, other)
		}
		var first, second *HandshakeError
		refused, alike := errors.As(one, &first), errors.As(other, &second)
		if refused != alike && !isBadLocation(other) {
			t.Fatalf("directly: %v; by a Transport: %v", one, other)
		}
		if !refused || !alike {
			return
		}
		if bytes.Contains(input, []byte("ACCEPT")) { // which differs, since each dial has a key of its own
			for _, e := range []*HandshakeError{first, second} {
				rule, _, _ := strings.Cut(e.Err.Error(), `"`)
				e.Err, e.Body = errors.New(rule), make([]byte, len(e.Body))
			}
		}
		if first.Status != second.Status || first.Err.Error() != second.Err.Error() || !bytes.Equal(first.Body, second.Body) || len(first.Header) != len(second.Header) {
			t.Fatalf("directly: %v, %q; by a Transport: %v, %q", first, first.Body, second, second.Body)
		}
	})
}

// isBadLocation is the one difference: http.Client parses the Location of a redirect that it is not to follow.
func isBadLocation(err error) bool {
	return err != nil && strings.Contains(err.Error(), "failed to parse Location header")
}

// serveOnce reads a request, answers with some bytes, and ends.
func serveOnce(nc net.Conn, input []byte) {
	defer nc.Close()
	in := bufio.NewReader(nc)
	r, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	accept := handshake.Accept(r.Header.Get("Sec-Websocket-Key"))
	go func() { _, _ = in.WriteTo(discard{}) }() // or the client could not write
	_, _ = nc.Write(bytes.ReplaceAll(input, []byte("ACCEPT"), []byte(accept)))
}

// readConnect reads an answer to CONNECT, and returns its status and how many bytes come behind its head. The status is
// 0 if there is no whole head.
func readConnect(input []byte) (status, behind int) {
	in := bytes.NewReader(input)
	buf := bufio.NewReaderSize(in, max(16, len(input)))
	resp, err := http.ReadResponse(buf, &http.Request{Method: http.MethodConnect})
	if err != nil {
		return 0, 0
	}
	return resp.StatusCode, buf.Buffered() + in.Len()
}

// serveTunnel answers a CONNECT with some bytes. To a client that takes them for consent it is a server of WebSockets,
// which ends at once.
func serveTunnel(nc net.Conn, input []byte) {
	defer nc.Close()
	in := bufio.NewReader(nc)
	if r, err := http.ReadRequest(in); err != nil || r.Method != http.MethodConnect {
		return
	}
	if _, err := nc.Write(input); err != nil {
		return
	}
	if status, _ := readConnect(input); status == 0 {
		return // the client waits for the rest
	}
	r, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	go func() { _, _ = in.WriteTo(discard{}) }() // or the client could not write
	_, _ = fmt.Fprintf(nc, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		handshake.Accept(r.Header.Get("Sec-Websocket-Key")))
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
