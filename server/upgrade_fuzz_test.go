package server

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/handshake"
	"github.com/framerail/framerail/internal/phase"
)

// FuzzUpgrade holds Upgrade, behind net/http's own reader, to the verdict of the server's own
// handshake on the same bytes: a request that one accepts is accepted by the other, and one that
// both refuse gets the same status from them, unless net/http has refused before any handler. Where
// they differ the request is of a class listed in readOtherwise.
func FuzzUpgrade(f *testing.F) {
	for _, in := range requestsToUpgrade() {
		f.Add([]byte(in))
	}
	s := &Server{Loops: 1}
	prepare(s)
	f.Cleanup(func() { s.Close() })
	run, err := s.runUpgrades()
	if err != nil {
		f.Fatal(err)
	}
	through := newThrough(f, s)
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) > handshake.MaxHeadBytes {
			return // net/http's own limit is another
		}
		refusal, whole := judged(run, in)
		got := through.judge(t, in)
		accepted := whole && refusal == nil
		status := 0
		if refusal != nil {
			status = refusal.Status
		}
		if accepted == got.accepted && (accepted || !got.handled || status == got.status) {
			return
		}
		for _, class := range readOtherwise {
			if class.refusal == refusal && class.cause.Match(in) {
				return
			}
		}
		t.Errorf("%q: the server's own handshake: accepted %v, %d (%v); through net/http: %+v", in, accepted, status, refusal, got)
	})
}

// readOtherwise are the classes of requests that net/http reads otherwise than this module: the
// refusal that such a request gets here, nil for none, and what there must be in its bytes.
var readOtherwise = []struct {
	why     string
	refusal *handshake.Refusal
	cause   *regexp.Regexp
}{
	{"RFC 9112 2.2: net/http takes a bare LF for the end of a line", handshake.ErrBareLF, regexp.MustCompile(`(^|[^\r])\n`)},
	{"RFC 9112 5.2: net/http unfolds lines", handshake.ErrObsFold, regexp.MustCompile(`\n[ \t]`)},
	{"RFC 9112 6.3: net/http takes a repeated length if all are equal", handshake.ErrContentLength, regexp.MustCompile(`(?is)\nContent-Length:.*\nContent-Length:`)},
	{"RFC 9112 6.1: net/http takes the chunked coding and drops the length: here it is content all the same", handshake.ErrLengthAndCoding,
		regexp.MustCompile(`(?is)\n(Content-Length:.*\nTransfer-Encoding|Transfer-Encoding:.*\nContent-Length):`)},
	{"RFC 9112 2.2: a server should skip an empty line before the request, which net/http does not", nil, regexp.MustCompile(`^\r\n`)},
	{"RFC 9112 3.2.2: net/http takes the host of an absolute target, and drops Host without judging it", handshake.ErrHost,
		regexp.MustCompile(`^[^ ]+ [A-Za-z][A-Za-z0-9+.-]*://`)},
	{"the number of lines is the http.Server's to watch", handshake.ErrTooManyHeaders, regexp.MustCompile(`(?s)(\n.*){100}`)},
	{"RFC 9110 10.1.1: net/http answers an expectation that it does not know with 417", nil, regexp.MustCompile(`(?i)\nExpect:`)},
}

// judged is the verdict of the server's own handshake; not whole: it would wait for more.
func judged(run *running, in []byte) (refusal *handshake.Refusal, whole bool) {
	var scan handshake.Scanner
	end, err := scan.Scan(in, run.before.Head)
	if err != nil {
		return handshake.RefusalOf(err), true
	}
	if end == 0 {
		return nil, false
	}
	var req handshake.Request
	if err := handshake.Parse(in[:end], &req); err != nil {
		return handshake.RefusalOf(err), true
	}
	from := candidate{remote: netip.MustParseAddrPort("192.0.2.1:1"), cl: new(phase.Tenant)}
	o, h, refusal := run.judge.decide(&req, from)
	if h != nil && refusal == nil {
		refusal = run.judge.askProgram(h)
	}
	if refusal == nil {
		refusal = run.judge.accept(&req, from, h, &o, nil)
	}
	return refusal, true
}

// through has net/http serve what it is given, with a handler that upgrades.
type through struct{ conns chan net.Conn }

// verdict is what came of a request.
type verdict struct {
	handled  bool // it came to the handler
	accepted bool
	status   int
}

func newThrough(t testing.TB, s *Server) *through {
	th := &through{conns: make(chan net.Conn)}
	hs := &http.Server{
		ErrorLog: log.New(io.Discard, "", 0), DisableGeneralOptionsHandler: true, MaxHeaderBytes: 2 * handshake.MaxHeadBytes,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c := r.Context().Value(th).(*recorded)
			err := s.Upgrade(unhijackable{w}, r, nil)
			select {
			case c.result <- err:
			default: // that is of another request behind the first
			}
		}),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, th, c) },
	}
	served := make(chan error, 1)
	go func() { served <- hs.Serve(th) }()
	t.Cleanup(func() { _ = hs.Close(); <-served })
	return th
}

// errAccepted is why a request that is accepted goes no further here.
var errAccepted = errors.New("accepted")

// unhijackable is a ResponseWriter that gives nobody its connection.
type unhijackable struct{ http.ResponseWriter }

func (unhijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, errAccepted }

func (th *through) judge(t *testing.T, in []byte) (v verdict) {
	t.Helper()
	c := &recorded{in: bytes.NewReader(in), result: make(chan error, 1), answered: make(chan []byte, 1)}
	th.conns <- c
	answer := <-c.answered
	select {
	case err := <-c.result:
		v.handled = true
		v.accepted = errors.Is(err, errAccepted)
		var why *UpgradeError
		if errors.As(err, &why) {
			v.status = why.Status
		}
	default:
	}
	resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(answer)), nil)
	switch {
	case err == nil && !v.handled:
		v.status = resp.StatusCode
	case err == nil && v.status != resp.StatusCode:
		t.Errorf("%q: Upgrade tells of %d, the client of %d", in, v.status, resp.StatusCode)
	case err != nil && v.handled:
		t.Errorf("%q: the client was not answered: %v", in, err)
	}
	return v
}

// Accept implements net.Listener.
func (th *through) Accept() (net.Conn, error) {
	c, ok := <-th.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (th *through) Close() error   { close(th.conns); return nil }
func (th *through) Addr() net.Addr { return &net.TCPAddr{} }

// recorded is a connection on which everything has come already. net/http writes an answer that
// is short at once; it may close the connection a good while later.
type recorded struct {
	in       *bytes.Reader
	result   chan error  // of the first Upgrade
	answered chan []byte // gets what is written first, or nil at the end
}

func (m *recorded) Read(b []byte) (int, error) { return m.in.Read(b) }

func (m *recorded) Write(b []byte) (int, error) {
	m.answer(bytes.Clone(b))
	return len(b), nil
}

func (m *recorded) Close() error {
	m.answer(nil)
	return nil
}

func (m *recorded) answer(b []byte) {
	select {
	case m.answered <- b:
	default:
	}
}

func (*recorded) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 80} }
func (*recorded) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1} }
func (*recorded) SetDeadline(time.Time) error      { return nil }
func (*recorded) SetReadDeadline(time.Time) error  { return nil }
func (*recorded) SetWriteDeadline(time.Time) error { return nil }

// requestsToUpgrade are handshakes and what is almost one.
func requestsToUpgrade() (all []string) {
	for _, line := range []string{
		"A: b", "Origin: http://example.com", "Origin: https://evil.example", "Origin: null", "Content-Length: 0", "Content-Length: 5",
		"Content-Length: 0\r\nContent-Length: 0", "Content-Length: 1\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked",
		"Transfer-Encoding: gzip", "Expect: 100-continue", "Expect: more", "Host: other.example", "Connection: close", "Trailer: A",
		"Sec-WebSocket-Protocol: a, b", "Sec-WebSocket-Protocol: a b", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
		"Sec-WebSocket-Extensions: ;", "Sec-WebSocket-Version: 13", "Upgrade: h2c", "X : b", "X Y: b", " folded: b", "A: b\n\x00: c", "A: \x01", "Pragma: no-cache",
		"Cookie: a=b; c=d", "\xff: b", "A: \xff",
	} {
		all = append(all, with(line))
	}
	for _, change := range [][2]string{
		{"GET", "POST"}, {"GET", "HEAD"}, {"GET", "OPTIONS"}, {"GET", "CONNECT"}, {"GET", "get"}, {"GET", "PRI"}, {"/chat?room=1", "*"},
		{"/chat?room=1", "http://example.com/chat"}, {"/chat?room=1", "http://other.example/chat"}, {"/chat?room=1", "//a"}, {"/chat?room=1", "/%"},
		{"/chat?room=1", "/%2f"}, {"/chat?room=1", "/#f"}, {"/chat?room=1", "/\xff"}, {"/chat?room=1", "example.com:80"}, {"HTTP/1.1", "HTTP/1.0"},
		{"HTTP/1.1", "HTTP/1.2"}, {"HTTP/1.1", "HTTP/2.0"}, {"HTTP/1.1", "HTTP/1.1 "}, {"HTTP/1.1\r\n", "HTTP/1.1\n"}, {"Host: example.com\r\n", ""},
		{"Host: example.com", "Host:"}, {"example.com", "a b"}, {"example.com", "[::1]:80"}, {"example.com", "example.com:x"}, {"example.com", "a_b"},
		{"Upgrade: websocket", "Upgrade: h2c, websocket"}, {"Upgrade: websocket", "Upgrade: WebSocket"}, {"Upgrade: websocket", "Upgrade:"},
		{"Connection: Upgrade", "Connection: keep-alive, Upgrade"}, {"Connection: Upgrade", "Connection: close"}, {"Version: 13", "Version: 8"},
		{"Version: 13", "Version: 13, 8"}, {"bm9uY2U==", "bm9uY2U"},
	} {
		if strings.Contains(upgrade, change[0]) {
			all = append(all, replace(change[0], change[1]))
		}
	}
	return append(all,
		"\r\n"+with("A: b"), "\r\n\r\n"+with("A: b"), upgrade, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01", "",
		with("A: b")+with("C: d"), with(strings.Repeat("A: b\r\n", 120)+"C: d"), strings.ReplaceAll(with("A: b"), "\r\n", "\n"))
}
