package handshake

import (
	"bytes"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/framerail/framerail/internal/token"
)

func seed(f *testing.F, add func(head string)) {
	for _, client := range clients {
		add(client.head)
	}
	for _, in := range hostile() {
		if len(in.bytes) < 1<<10 {
			add(in.bytes + in.behind)
		}
	}
	for _, h := range handshakes {
		add(h.head)
	}
	for _, head := range unscanned {
		add(head.bytes)
	}
}

// FuzzScan holds the scanner to one verdict for the same bytes, in one piece, in
// two, and byte by byte, and to find no fault where Parse finds another of the
// scanner's own.
func FuzzScan(f *testing.F) {
	seed(f, func(head string) {
		f.Add([]byte(head), uint16(len(head)/2), uint8(0))
		f.Add([]byte(head), uint16(len(head)/2), uint8(4))
	})
	f.Fuzz(func(t *testing.T, in []byte, cut uint16, limit uint8) {
		limits := Limits{MaxHeaders: int(limit), MaxHeadBytes: int(limit) * 16}
		var whole Scanner
		end, err := whole.Scan(in, limits)
		if end > 0 && err != nil || end > len(in) {
			t.Fatalf("end %d of %d with err %v", end, len(in), err)
		}

		var cutOnce Scanner
		gotEnd, gotErr := cutOnce.Scan(in[:min(int(cut), len(in))], limits)
		if gotEnd == 0 && gotErr == nil {
			gotEnd, gotErr = cutOnce.Scan(in, limits)
		}
		if gotEnd != end || gotErr != err {
			t.Errorf("cut at %d: %d, %v; whole %d, %v", cut, gotEnd, gotErr, end, err)
		}

		var bytewise Scanner
		gotEnd, gotErr = 0, nil
		for n := 0; n <= len(in) && gotEnd == 0 && gotErr == nil; n++ {
			gotEnd, gotErr = bytewise.Scan(in[:n], limits)
		}
		if gotEnd != end || gotErr != err {
			t.Errorf("byte by byte: %d, %v; whole %d, %v", gotEnd, gotErr, end, err)
		}

		if end > 0 {
			var r Request
			err := Parse(in[:end], &r)
			for _, scanned := range []error{ErrBareLF, ErrBareCR, ErrControlByte, ErrObsFold, ErrIncomplete} {
				if errors.Is(err, scanned) {
					t.Errorf("scanned, yet %v", err)
				}
			}
		}
	})
}

// FuzzParse holds Parse to its promise: what it accepts, net/http accepts with
// the same method, target, host and header, and what it refuses and net/http does
// not is of a class listed in stricter. Verify is held to an oracle over net/http's
// header. A handshake accepted also gets an answer with nothing in it that was not
// offered.
func FuzzParse(f *testing.F) {
	seed(f, func(head string) { f.Add([]byte(head)) })
	f.Fuzz(func(t *testing.T, in []byte) {
		var s Scanner
		end, err := s.Scan(in, Limits{})
		if err != nil || end == 0 {
			end = len(in)
		}
		head := in[:end:end]
		if !compareWithNetHTTP(t, head) {
			refused := Parse(head, new(Request))
			checkRefused(t, refused)
			checkStricter(t, head, refused)
			return
		}
		r := parse(t, string(head))
		err = r.Verify()
		if want := plainVerify(r.HTTP("")) && !r.HasBody(); (err == nil) != want {
			t.Fatalf("%v, valid by the oracle: %v", err, want)
		}
		if !r.HasBody() {
			// The same request by way of net/http gets the same verdict.
			var through Request
			errThrough := ParseHTTP(r.HTTP(""), &through)
			if errThrough == nil {
				errThrough = through.Verify()
			}
			if errThrough != err {
				t.Errorf("through net/http: %v, directly: %v", errThrough, err)
			}
		}
		if err != nil {
			checkRefused(t, err)
			return
		}
		if !r.IsUpgrade() {
			t.Error("verified, yet no upgrade")
		}
		for name := range r.Subprotocols {
			if !r.OffersSubprotocol(string(name)) {
				t.Errorf("%q is and is not offered", name)
			}
		}
		chosen := r.SelectSubprotocol([]string{"chat", "a", "v1"})
		extensions := 0
		for line := range r.Extensions {
			if CheckExtensions(line) != nil {
				t.Errorf("%q was let pass", line)
			}
			extensions++
		}
		agreed := ""
		if extensions > 0 {
			agreed = "permessage-deflate"
		}
		answer, err := AppendResponse(nil, r, Response{Subprotocol: chosen, Extensions: agreed})
		if err != nil {
			t.Fatal(err)
		}
		const goOn = "HTTP/1.1 100 Continue\r\n\r\n"
		if answer, expected := bytes.CutPrefix(answer, []byte(goOn)); expected != r.ExpectsContinue() {
			t.Errorf("100 is expected: %v, answered %q", r.ExpectsContinue(), answer)
		}
		resp, _ := read(t, bytes.TrimPrefix(answer, []byte(goOn)), "GET")
		if got := resp.Header.Get("Sec-WebSocket-Protocol"); got != chosen {
			t.Errorf("answered %q, chose %q", got, chosen)
		}
		if chosen != "" && !strings.Contains(string(head), chosen) {
			t.Errorf("%q was not offered", chosen)
		}
		if got := resp.Header.Get("Sec-WebSocket-Extensions"); got != agreed {
			t.Errorf("answered with extensions %q, want %q", got, agreed)
		}
	})
}

// checkRefused holds the answer to a refused request to what the refusal says.
func checkRefused(t *testing.T, err error) {
	t.Helper()
	var refusal *Refusal
	if !errors.As(err, &refusal) {
		t.Fatalf("%v is not a refusal", err)
	}
	if resp, body := read(t, refusal.AppendResponse(nil, time.Time{}), "GET"); resp.StatusCode != refusal.Status || body != refusal.Reason+"\n" {
		t.Errorf("answered %d %q for %v", resp.StatusCode, body, err)
	}
}

// FuzzAnswer holds what a program passes in to its place: either it is the
// caller's error, or a client reads back exactly that.
func FuzzAnswer(f *testing.F) {
	f.Add(403, "X-A", "b", "body", "chat")
	f.Add(401, "Content-Type", "text/html", "", "other")
	f.Add(426, "Upgrade", "websocket", "", "")
	f.Add(503, "Retry-After", "1", "", "")
	f.Add(200, "Connection", "close", "", "")
	f.Add(403, "Content-Length", "0", "", "")
	for _, bad := range injections {
		f.Add(403, "X-A", bad, bad, bad)
		f.Add(403, bad, "b", bad, bad)
	}
	f.Fuzz(func(t *testing.T, status int, name, value, body, subprotocol string) {
		header := http.Header{name: {value}}
		r := parse(t, minimal("Sec-WebSocket-Protocol: chat, superchat"))
		answer, err := AppendResponse(nil, r, Response{Subprotocol: subprotocol, Header: header})
		var caller *CallerError
		if err != nil && (!errors.As(err, &caller) || len(answer) > 0 || caller.Error() == "") {
			t.Errorf("%v, with %d bytes appended", err, len(answer))
		}
		if err == nil {
			resp, _ := read(t, answer, "GET")
			if got := resp.Header.Get("Sec-WebSocket-Protocol"); got != subprotocol || got != "" && got != "chat" && got != "superchat" {
				t.Errorf("subprotocol %q, want %q", got, subprotocol)
			}
			if got := resp.Header.Get(name); got != strings.Trim(value, " \t") || len(resp.Header) > 5 {
				t.Errorf("%s: %q, want %q, in %q", name, got, value, resp.Header)
			}
		}

		refusal := &Refusal{Status: status, Header: header, Body: body, Reason: "no"}
		if errors.Is(refusal.Validate(), ErrHeaderName) && all(name, &token.Is) {
			t.Errorf("name %q refused", name)
		}
		want, wantBody := status, body
		if body == "" {
			wantBody = "no\n"
		}
		if refusal.Validate() != nil {
			want, wantBody = ErrInternal.Status, ErrInternal.Reason+"\n"
		}
		resp, got := read(t, refusal.AppendResponse(nil, time.Time{}), "GET")
		if resp.StatusCode != want || got != wantBody || !resp.Close {
			t.Errorf("answered %d %q, want %d %q", resp.StatusCode, got, want, wantBody)
		}
		if _, got := read(t, refusal.AppendHeadResponse(nil, time.Time{}), "HEAD"); got != "" {
			t.Errorf("answered HEAD with %q", got)
		}
		checkDated(t, refusal, want)
		if status, own, text := refusal.Answer(); status != want || text != wantBody || own.Get("Content-Type") == "" && value != "" {
			t.Errorf("in the hands of net/http: %d %q %q, want %d %q", status, own, text, want, wantBody)
		}
		for own, values := range OwnHeader(header) {
			if err := (&Refusal{Status: 403, Header: http.Header{own: values}}).Validate(); err == nil && ownedInResponse(own) {
				t.Errorf("%q is left to the program", own)
			}
		}
		if !errors.Is(Unavailable(status), ErrUnavailable) || errors.Is(refusal, ErrUnavailable) {
			t.Error("Unavailable is not told apart")
		}
	})
}

// checkDated wants a refusal's Date to be the server's, unless the program has set one.
func checkDated(t *testing.T, refusal *Refusal, status int) {
	now := time.Date(2026, 11, 29, 10, 0, 0, 0, time.FixedZone("", 3600))
	resp, _ := read(t, refusal.AppendResponse(nil, now), "GET")
	own := false
	for name := range refusal.Header {
		own = own || refusal.Validate() == nil && strings.EqualFold(name, "Date")
	}
	if got, want := resp.Header.Get("Date"), "Sun, 29 Nov 2026 09:00:00 GMT"; resp.StatusCode != status || !own && got != want {
		t.Errorf("status %d, Date %q, want %d, %q", resp.StatusCode, got, status, want)
	}
}

// checkExplained wants an explanation to be the refusal that it explains, within a length that a
// log bears and without what ends a line.
func checkExplained(t *testing.T, rule error, origin, host, pattern string) {
	explained := ExplainOrigin(rule, []byte(origin), []byte(host), []string{pattern})
	var r, plain *Refusal
	if !errors.As(explained, &r) || !errors.As(rule, &plain) || !errors.Is(explained, rule) || r.Cause == nil {
		t.Fatalf("%v is explained as %v", rule, explained)
	}
	text := r.Cause.Error()
	if len(text) > 10*(2*shownMost+len(pattern))+100 || strings.ContainsAny(text, "\r\n\x00\x1b") {
		t.Errorf("explained in %d bytes: %q", len(text), text)
	}
	if r.Rule() != rule || r.Error() != rule.Error() || r.Malformed() != plain.Malformed() {
		t.Errorf("%v is explained as %v", rule, r)
	}
}

// FuzzParseHTTP holds what middleware put into a request to its place: either it
// is refused, or it is one field with that value and nothing besides.
func FuzzParseHTTP(f *testing.F) {
	f.Add("GET", "/", "example.com", "X-A", "b", true)
	f.Add("GET", "", "", "X-A", "b", false)
	for _, bad := range injections {
		f.Add("GET", "/", "example.com", "X-A", bad, false)
		f.Add("GET", "/", "example.com", bad, "b", false)
		f.Add("GET", "/", bad, "X-A", "b", false)
		f.Add("GET", bad, "example.com", "X-A", "b", false)
		f.Add(bad, "/", "example.com", "X-A", "b", false)
	}
	f.Fuzz(func(t *testing.T, method, target, host, name, value string, chunked bool) {
		req := &http.Request{Method: method, RequestURI: target, Host: host, ProtoMajor: 1, ProtoMinor: 1,
			URL: &url.URL{Path: "/x"}, Header: http.Header{name: {value}}}
		fields := 2
		if chunked {
			req.TransferEncoding = []string{"chunked"}
			fields++
		}
		var r Request
		if err := ParseHTTP(req, &r); err != nil {
			checkRefused(t, err)
			return
		}
		if target == "" {
			target = "/x"
		}
		for range r.Headers {
			fields--
		}
		got, n := r.field(name)
		if string(r.Method) != method || string(r.Target) != target || string(got) != strings.Trim(value, " \t") || n == 0 || fields != 0 {
			t.Errorf("%q %q %s: %q became %q %q %q, %d fields missing", method, target, name, value, r.Method, r.Target, got, fields)
		}
	})
}

// FuzzOrigin holds the same-origin rule and the patterns to what net/url makes of an
// origin, and the bytes to the strings.
func FuzzOrigin(f *testing.F) {
	for _, o := range origins {
		f.Add(o.origin, o.host, o.tls, "other.example")
	}
	for _, p := range originPatterns {
		for _, origin := range append(p.allowed, p.forbidden...) {
			f.Add(origin, "h.example", plain, p.pattern)
		}
	}
	for _, pattern := range badPatterns {
		f.Add("https://example.com", "h.example", plain, pattern)
	}
	f.Fuzz(func(t *testing.T, origin, host string, tls bool, pattern string) {
		same := CheckOrigin(origin, host, tls, nil)
		if got := CheckOrigin([]byte(origin), []byte(host), tls, nil); got != same {
			t.Errorf("bytes %v, strings %v", got, same)
		}
		if want := plainSameOrigin(origin, host, tls); (same == nil) != want {
			t.Fatalf("%q for %q over TLS %v: %v, by the oracle %v", origin, host, tls, same, want)
		}

		if same != nil {
			checkExplained(t, same, origin, host, pattern)
		}
		// A pattern only ever allows more; a malformed one, nothing.
		with := CheckOrigin(origin, host, tls, []string{pattern})
		malformed := ValidatePattern(pattern) != nil
		if same == nil && with != nil || malformed && with != same {
			t.Errorf("%q for %q: %v, with pattern %q (malformed %v): %v", origin, host, same, pattern, malformed, with)
		}
		if same == nil || malformed {
			return
		}
		if want := plainMatch(pattern, origin, tls); (with == nil) != want {
			t.Errorf("%q by pattern %q over TLS %v: %v, by the oracle %v", origin, pattern, tls, with, want)
		}
	})
}

// FuzzSubprotocols holds the list to a plain split, and the choice to the list.
func FuzzSubprotocols(f *testing.F) {
	for _, s := range []string{"a", "a, b", ",", "a b", "", "a,,b", "\ta ,\tb"} {
		f.Add(s, "a", "b")
	}
	f.Fuzz(func(t *testing.T, line, first, second string) {
		offered := map[string]bool{}
		var want error
		for element := range strings.SplitSeq(line, ",") {
			element = strings.Trim(element, " \t")
			if element == "" {
				continue
			}
			offered[element] = true
			if strings.ContainsFunc(element, func(r rune) bool {
				return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
			}) {
				want = ErrSubprotocols
			}
		}
		if err := CheckSubprotocols(line); err != want || (err == nil) != plainSubprotocols.MatchString(line) {
			t.Errorf("%q: %v, want %v", line, err, want)
		}

		if none := NoSubprotocol([]string{first, second}); none.Rule() != ErrNoSubprotocol || none.Status != ErrNoSubprotocol.Status {
			t.Errorf("the refusal that names %q and %q is %v", first, second, none)
		}
		chosen := ""
		for _, name := range []string{second, first} {
			if offered[name] {
				chosen = name
			}
		}
		if got := SelectSubprotocol([]string{line}, []string{first, second}); got != chosen {
			t.Errorf("%q of %q, %q: %q, want %q", line, first, second, got, chosen)
		}
	})
}

// FuzzExtensions holds a verdict to the grammar, written as a regular expression.
func FuzzExtensions(f *testing.F) {
	for line := range extensionLines {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		got := CheckExtensions(line)
		if CheckExtensions([]byte(line)) != got {
			t.Errorf("%q: bytes and strings differ", line)
		}
		if want := plainExtensions.MatchString(line); (got == nil) != want || got != nil && got != ErrExtensions {
			t.Errorf("%q: %v, in the grammar: %v", line, got, want)
		}
	})
}

// FuzzHost holds the addresses to net/netip and the rest to net/url.
func FuzzHost(f *testing.F) {
	for host := range hosts {
		f.Add(host)
		f.Add(strings.Trim(host, "[]"))
	}
	f.Fuzz(func(t *testing.T, host string) {
		valid := ValidHost(host)
		if valid != ValidHost([]byte(host)) {
			t.Errorf("%q: bytes and strings differ", host)
		}
		if u, err := url.Parse("http://" + host); valid && (err != nil || u.Host != host) {
			t.Errorf("%q accepted: %v", host, err)
		}
		addr, err := netip.ParseAddr(host)
		if want := err == nil && addr.Is6() && addr.Zone() == ""; ValidHost("["+host+"]") != want {
			t.Errorf("[%s]: %v, want %v", host, !want, want)
		}
	})
}
