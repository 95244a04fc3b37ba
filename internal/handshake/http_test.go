package handshake

import (
	"bufio"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestHTTP(t *testing.T) {
	r := parse(t, request("GET /a%20b?c=d HTTP/1.1", "Host: h:81", "x-a: 1", "X-A: 2", "Cookie: k=v", "Connection: close"))
	req := r.HTTP("192.0.2.1:5")
	cookie, _ := req.Cookie("k")
	switch {
	case req.Method != "GET", req.URL.Path != "/a b", req.URL.Query().Get("c") != "d", req.RequestURI != "/a%20b?c=d",
		req.Host != "h:81", req.Proto != "HTTP/1.1", !req.ProtoAtLeast(1, 1), req.RemoteAddr != "192.0.2.1:5",
		req.Body != http.NoBody, !req.Close, cookie == nil || cookie.Value != "v",
		!slices.Equal(req.Header["X-A"], []string{"1", "2"}), req.Header["Host"] != nil:
		t.Errorf("got %+v", req)
	}
}

func TestHTTPIsIndependentOfTheHead(t *testing.T) {
	head := []byte(minimal("X-A: 1"))
	var r Request
	if err := Parse(head, &r); err != nil {
		t.Fatal(err)
	}
	req := r.HTTP("")
	clear(head)
	if req.Header.Get("X-A") != "1" || req.URL.Path != "/chat" || req.Host != "example.com" {
		t.Errorf("changed with the head: %+v", req)
	}
}

// TestAcceptedAsNetHTTPReads holds Parse to its promise over the tables.
func TestAcceptedAsNetHTTPReads(t *testing.T) {
	heads := map[string]string{}
	for _, client := range clients {
		heads[client.name] = client.head
	}
	for _, in := range hostile() {
		heads[in.name] = in.bytes
	}
	for name, head := range heads {
		t.Run(name, func(t *testing.T) { compareWithNetHTTP(t, []byte(head)) })
	}
}

// compareWithNetHTTP reports what Parse accepts and net/http reads otherwise.
// It reports whether Parse accepted.
func compareWithNetHTTP(t *testing.T, head []byte) bool {
	t.Helper()
	var r Request
	if err := Parse(head, &r); err != nil {
		var refusal *Refusal
		if !errors.As(err, &refusal) || refusal.Status < 400 || refusal.Status > 505 {
			t.Errorf("error %v is not a refusal", err)
		}
		return false
	}

	// net/http's server skips no empty line itself: the one difference in
	// which Parse is wider.
	in := strings.TrimPrefix(string(head), "\r\n")
	want, err := http.ReadRequest(bufio.NewReader(strings.NewReader(in)))
	got := r.HTTP("")
	if err != nil {
		// Trailer announces fields behind content, which is not read here.
		if got.Header["Trailer"] != nil && r.HasBody() {
			return true
		}
		t.Fatalf("net/http refuses: %v in %q", err, head)
	}
	if _, n := r.field("Cache-Control"); n == 0 {
		want.Header.Del("Cache-Control") // net/http adds it for a Pragma
	}
	if want.Header["Trailer"] == nil {
		got.Header.Del("Trailer") // net/http moves it
	}
	if want.Host == "" && string(r.Host) != "" {
		t.Errorf("Host %q, net/http has none", r.Host)
	}
	if got.Method != want.Method || got.Host != want.Host || got.RequestURI != want.RequestURI ||
		got.Proto != want.Proto || got.ProtoMinor != want.ProtoMinor || got.Close != want.Close {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if got.URL.String() != want.URL.String() || got.URL.RawPath != want.URL.RawPath {
		t.Errorf("URL %q, net/http has %q", got.URL, want.URL)
	}
	if !maps.EqualFunc(got.Header, want.Header, slices.Equal[[]string]) {
		t.Errorf("header %q, net/http has %q", got.Header, want.Header)
	}
	if want.ContentLength != 0 != r.HasBody() {
		t.Errorf("HasBody %v, net/http has %d", r.HasBody(), want.ContentLength)
	}
	return true
}

func TestParseHTTPAnswersAsParse(t *testing.T) {
	for _, client := range clients {
		t.Run(client.name, func(t *testing.T) {
			req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(client.head)))
			if err != nil {
				t.Fatal(err)
			}
			var through Request
			if err := ParseHTTP(req, &through); err != nil {
				t.Fatal(err)
			}
			if err := through.Verify(); err != nil {
				t.Fatal(err)
			}
			got, err := AppendResponse(nil, &through, Response{})
			if err != nil {
				t.Fatal(err)
			}
			want, err := AppendResponse(nil, parse(t, client.head), Response{})
			if err != nil || string(got) != string(want) {
				t.Errorf("got %q, want %q, %v", got, want, err)
			}
		})
	}
}

func TestParseHTTPRefusesWhatMiddlewareBroke(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*http.Request)
		want   error
	}{
		"nothing":            {func(*http.Request) {}, nil},
		"no RequestURI":      {func(r *http.Request) { r.RequestURI = "" }, nil},
		"CR LF in a value":   {func(r *http.Request) { r.Header.Set("X", "a\r\nb: c") }, ErrControlByte},
		"LF in a value":      {func(r *http.Request) { r.Header.Set("X", "a\nb: c") }, ErrControlByte},
		"NUL in a value":     {func(r *http.Request) { r.Header.Set("X", "a\x00b") }, ErrControlByte},
		"bad name":           {func(r *http.Request) { r.Header["X Y"] = []string{"a"} }, ErrFieldName},
		"CR LF in a name":    {func(r *http.Request) { r.Header["X: a\r\nY"] = []string{"a"} }, ErrFieldName},
		"a second Host":      {func(r *http.Request) { r.Header.Set("Host", "evil.example") }, ErrHostRepeated},
		"no Host":            {func(r *http.Request) { r.Host = "" }, ErrHostMissing},
		"CR LF in the host":  {func(r *http.Request) { r.Host = "a\r\nX: b" }, ErrHost},
		"SP in the target":   {func(r *http.Request) { r.RequestURI = "/ /" }, ErrRequestLine},
		"CR LF in a target":  {func(r *http.Request) { r.RequestURI = "/ HTTP/1.1\r\nX: a" }, ErrRequestLine},
		"CR LF in a method":  {func(r *http.Request) { r.Method = "GET / HTTP/1.1\r\nX:" }, ErrRequestLine},
		"no method":          {func(r *http.Request) { r.Method = "" }, ErrRequestLine},
		"odd minor version":  {func(r *http.Request) { r.ProtoMinor = 10 }, ErrHTTPMajor},
		"chunked":            {func(r *http.Request) { r.TransferEncoding = []string{"chunked"} }, ErrBody},
		"HTTP/2":             {func(r *http.Request) { r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0 }, ErrHTTPMajor},
		"no URL, no target":  {func(r *http.Request) { r.RequestURI, r.URL = "", nil }, ErrRequestLine},
		"method of the rest": {func(r *http.Request) { r.Method = "POST" }, ErrMethod},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(minimal())))
			if err != nil {
				t.Fatal(err)
			}
			tc.change(req)
			var r Request
			if err = ParseHTTP(req, &r); err == nil {
				err = r.Verify()
			}
			if !errors.Is(err, tc.want) {
				t.Errorf("%v, want %v", err, tc.want)
			}
		})
	}
}
