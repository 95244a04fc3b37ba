package handshake

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func parse(t *testing.T, head string) *Request {
	t.Helper()
	var r Request
	if err := Parse([]byte(head), &r); err != nil {
		t.Fatal(err)
	}
	return &r
}

func TestParseRequestLine(t *testing.T) {
	for _, tc := range []struct{ line, method, target, path, query, host string }{
		{"GET / HTTP/1.1", "GET", "/", "/", "", "h"},
		{"GET /a%20b/../c?d=e?f HTTP/1.1", "GET", "/a%20b/../c?d=e?f", "/a%20b/../c", "d=e?f", "h"},
		{"GET //a HTTP/1.1", "GET", "//a", "//a", "", "h"},
		{"GET /? HTTP/1.1", "GET", "/?", "/", "", "h"},
		{"M-SEARCH * HTTP/1.1", "", "", "", "", ""},
		{"OPTIONS * HTTP/1.1", "OPTIONS", "*", "*", "", "h"},
		{"GET http://b:81/x?y HTTP/1.1", "GET", "http://b:81/x?y", "/x", "y", "b:81"},
		{"GET Https://[::1]:81?y HTTP/1.1", "GET", "Https://[::1]:81?y", "/", "y", "[::1]:81"},
		{"GET http://b HTTP/1.1", "GET", "http://b", "/", "", "b"},
	} {
		var r Request
		err := Parse([]byte(tc.line+"\r\nHost: h\r\n\r\n"), &r)
		if tc.method == "" {
			if !errors.Is(err, ErrTarget) {
				t.Errorf("%s: %v, want %v", tc.line, err, ErrTarget)
			}
			continue
		}
		got := fmt.Sprintf("%s %s %s %s %s", r.Method, r.Target, r.Path, r.RawQuery, r.Host)
		want := fmt.Sprintf("%s %s %s %s %s", tc.method, tc.target, tc.path, tc.query, tc.host)
		if err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", tc.line, got, err, want)
		}
	}
}

func TestField(t *testing.T) {
	r := parse(t, request("GET / HTTP/1.1", "Host: h", "X-A:  1 \t", "x-a: 2", "Cookie: a=b", "X-Empty:",
		"origin: null", "Upgrade: a", "UPGRADE: b", "Connection: c"))
	for _, tc := range []struct {
		name, value string
		n           int
	}{
		{"X-A", "1", 2}, {"x-A", "1", 2}, {"COOKIE", "a=b", 1}, {"X-Empty", "", 1}, {"X-B", "", 0},
		{"Host", "h", 1}, {"Origin", "null", 1}, {"upgrade", "a", 2}, {"Sec-WebSocket-Key", "", 0}, {"", "", 0},
	} {
		value, n := r.field(tc.name)
		if string(value) != tc.value || n != tc.n {
			t.Errorf("%s: %q, %d; want %q, %d", tc.name, value, n, tc.value, tc.n)
		}
		if (value == nil) != (tc.n == 0) {
			t.Errorf("%s: nil %v with %d lines", tc.name, value == nil, n)
		}
	}
	if string(r.Origin) != "null" || r.Key != nil {
		t.Errorf("Origin %q, Key %q", r.Origin, r.Key)
	}
}

func TestHeadersInOrder(t *testing.T) {
	r := parse(t, request("GET / HTTP/1.1", "b: 2", "Host: h", "B:", "a: x:y"))
	var got []string
	for name, value := range r.Headers {
		got = append(got, string(name)+"="+string(value))
	}
	if want := []string{"b=2", "Host=h", "B=", "a=x:y"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for name := range r.Headers {
		if string(name) != "b" {
			t.Errorf("went on to %q after break", name)
		}
		break
	}
}

// unscanned are heads that no Scanner lets pass.
var unscanned = []struct {
	bytes string
	want  *Refusal
}{
	{"", ErrIncomplete},
	{"GET / HTTP/1.1", ErrIncomplete},
	{"GET / HTTP/1.1\r\n", ErrIncomplete},
	{"GET / HTTP/1.1\r\nHost: h\r\n", ErrIncomplete},
	{"GET / HTTP/1.1\r\nHost: h\r\n\r", ErrIncomplete},
	{minimal() + "x", ErrIncomplete},
	{"\n", ErrBareLF},
	{"GET / HTTP/1.1\n\n", ErrBareLF},
	{"GET / HTTP/1.1\r\nHost: h\n\r\n", ErrBareLF},
	{"GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n", ErrBareCR},
	{"GET / HTTP/1.1\r\nHost: h\r\nX: \x00\r\n\r\n", ErrControlByte},
	{"GET / HTTP/1.1\r\nHost: h\r\n X: a\r\n\r\n", ErrObsFold},
	{"GET / HTTP/1.1\r\nHost: h\r\n\t\r\n\r\n", ErrObsFold},
	{"GET / HTTP/1.1\r\nHost: h\r\nX\r: a\r\n\r\n", ErrFieldName},
	{"GET /\r HTTP/1.1\r\nHost: h\r\n\r\n", ErrTarget},
}

func TestParseRestsOnNothingTheScannerChecked(t *testing.T) {
	for _, tc := range unscanned {
		var r Request
		if err := Parse([]byte(tc.bytes), &r); !errors.Is(err, tc.want) {
			t.Errorf("%q: %v, want %v", tc.bytes, err, tc.want)
		}
	}
}

func TestParseOverwritesTheRequest(t *testing.T) {
	var r Request
	if err := Parse([]byte(minimal("Origin: http://a.example")), &r); err != nil {
		t.Fatal(err)
	}
	if err := Parse([]byte(request("GET / HTTP/1.0")), &r); err != nil {
		t.Fatal(err)
	}
	_, n := r.field("Upgrade")
	if r.Host != nil || r.Origin != nil || r.Key != nil || n != 0 {
		t.Errorf("left over from before: %+v", r)
	}
}

func TestHasBody(t *testing.T) {
	for lines, want := range map[string]bool{
		"X: x":                       false,
		"Content-Length: 0":          false,
		"Content-Length: 000":        false,
		"Content-Length: 10":         true,
		"Transfer-Encoding: Chunked": true,
	} {
		if got := parse(t, request("POST / HTTP/1.1", "Host: h", lines)).HasBody(); got != want {
			t.Errorf("%s: %v, want %v", lines, got, want)
		}
	}
}

var hosts = map[string]bool{
	"example.com": true, "EXAMPLE.com:80": true, "example.com.": true, "a_b": true, "localhost:9001": true,
	"127.0.0.1": true, "127.0.0.1:65535": true, "h:": true, "xn--bcher-kva.example": true,
	"[::1]": true, "[::1]:80": true, "[2001:db8::8:800:200C:417A]": true, "[::]": true, "[1::]": true,
	"[1:2:3:4:5:6:7:8]": true, "[::ffff:127.0.0.1]": true, "[1:2:3:4:5:6:1.2.3.4]:": true, "[1::2:0.0.0.0]": true,
	"": false, ":80": false, "h:65536": false, "h:80a": false, "h:-1": false, "h:80:80": false, "h:99999999999999999999": false,
	"a b": false, "a/b": false, "a@b": false, "a?b": false, "a%41": false, "b\u00fccher": false, "a\x00": false, "http://h": false,
	"[]": false, "[::1": false, "::1": false, "[::1]x": false, "[::1]80": false, "[:]": false, "[:1]": false, "[1:]": false,
	"[1:2:3:4:5:6:7]": false, "[1:2:3:4:5:6:7:8:9]": false, "[1::2::3]": false, "[:::]": false, "[::12345]": false,
	"[1:2:3:4:5:6:7:8::]": false, "[fe80::1%eth0]": false, "[fe80::1%25eth0]": false, "[v1.a]": false, "[g::]": false,
	"[::1.2.3]": false, "[::1.2.3.4.5]": false, "[::1.2.3.256]": false, "[::1.2.3.04]": false, "[::1.2.3.4:5]": false,
	"[1.2.3.4]": false, "[1:2:3:4:5:6:7:1.2.3.4]": false, "[::1.2.3,4]": false, "[::1..3.4]": false,
}

func TestValidHost(t *testing.T) {
	for host, want := range hosts {
		if got := ValidHost(host); got != want {
			t.Errorf("%q: %v, want %v", host, got, want)
		}
		if got := ValidHost([]byte(host)); got != want {
			t.Errorf("%q as bytes: %v, want %v", host, got, want)
		}
	}
}

func TestValidHostAtItsLongest(t *testing.T) {
	// 39 bytes is the longest IPv6 address in full; nothing is cut short.
	long := "[" + strings.Repeat("ffff:", 7) + "ffff]:65535"
	if !ValidHost(long) {
		t.Errorf("%q refused", long)
	}
}
