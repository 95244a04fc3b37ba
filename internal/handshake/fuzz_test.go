package handshake

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"testing"
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
}

// FuzzScan holds the scanner to one verdict for the same bytes, in one piece, in
// two, and byte by byte, and to find no fault where Parse finds another of the
// scanner's own.
func FuzzScan(f *testing.F) {
	seed(f, func(head string) { f.Add([]byte(head), uint16(len(head)/2), uint8(0)) })
	f.Fuzz(func(t *testing.T, in []byte, cut uint16, limit uint8) {
		limits := Limits{MaxHeaders: int(limit), MaxHeadBytes: int(limit) * 16}
		var whole Scanner
		end, err := whole.ScanWithin(in, limits)
		if end > 0 && err != nil || end > len(in) {
			t.Fatalf("end %d of %d with err %v", end, len(in), err)
		}

		var cutOnce Scanner
		gotEnd, gotErr := cutOnce.ScanWithin(in[:min(int(cut), len(in))], limits)
		if gotEnd == 0 && gotErr == nil {
			gotEnd, gotErr = cutOnce.ScanWithin(in, limits)
		}
		if gotEnd != end || gotErr != err {
			t.Errorf("cut at %d: %d, %v; whole %d, %v", cut, gotEnd, gotErr, end, err)
		}

		var bytewise Scanner
		gotEnd, gotErr = 0, nil
		for n := 0; n <= len(in) && gotEnd == 0 && gotErr == nil; n++ {
			gotEnd, gotErr = bytewise.ScanWithin(in[:n], limits)
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
// the same method, target, host and header. The differences are in
// compareWithNetHTTP and in the package's documentation. An accepted handshake
// also gets an answer with nothing in it that was not offered.
func FuzzParse(f *testing.F) {
	seed(f, func(head string) { f.Add([]byte(head)) })
	f.Fuzz(func(t *testing.T, in []byte) {
		var s Scanner
		end, err := s.Scan(in)
		if err != nil || end == 0 {
			end = len(in)
		}
		head := in[:end:end]
		if !compareWithNetHTTP(t, head) {
			return
		}
		r := parse(t, string(head))
		if r.Verify() != nil {
			return
		}
		if !r.IsUpgrade() {
			t.Error("verified, yet no upgrade")
		}
		chosen := r.SelectSubprotocol([]string{"chat", "a", "v1"})
		answer, err := AppendResponse(nil, r, Response{Subprotocol: chosen})
		if err != nil {
			t.Fatal(err)
		}
		resp, _ := read(t, answer, "GET")
		if got := resp.Header.Get("Sec-WebSocket-Protocol"); got != chosen {
			t.Errorf("answered %q, chose %q", got, chosen)
		}
		if chosen != "" && !strings.Contains(string(head), chosen) {
			t.Errorf("%q was not offered", chosen)
		}
		if len(resp.Header["Sec-Websocket-Extensions"]) > 0 {
			t.Error("answered with an extension")
		}
	})
}

// FuzzOrigin holds the same-origin rule to what net/url makes of an origin, and
// the bytes to the strings.
func FuzzOrigin(f *testing.F) {
	for _, s := range []string{"http://example.com", "https://a:1", "null", "http://[::1]:80", "file://", "http://a@b", "http://a/", "*.a", "https://*:*"} {
		for _, host := range []string{"example.com", "a:1", "[::1]"} {
			f.Add(s, host, true, s)
			f.Add(s, host, false, "*.example.com:*")
		}
	}
	f.Fuzz(func(t *testing.T, origin, host string, tls bool, pattern string) {
		same := CheckOrigin(origin, host, tls, nil)
		if got := CheckOrigin([]byte(origin), []byte(host), tls, nil); got != same {
			t.Errorf("bytes %v, strings %v", got, same)
		}
		if same == nil && origin != "" {
			u, err := url.Parse(origin)
			if err != nil || u.Scheme != "http" && u.Scheme != "https" || tls && u.Scheme != "https" {
				t.Fatalf("%q allowed: %v", origin, err)
			}
			h, err := url.Parse(u.Scheme + "://" + host)
			if err != nil || !strings.EqualFold(u.Hostname(), h.Hostname()) || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
				t.Fatalf("%q allowed for %q: %v", origin, host, err)
			}
		}

		// A pattern only ever allows more; a malformed one, nothing.
		with := CheckOrigin(origin, host, tls, []string{pattern})
		malformed := ValidatePattern(pattern) != nil
		if same == nil && with != nil || malformed && with != same {
			t.Errorf("%q for %q: %v, with pattern %q (malformed %v): %v", origin, host, same, pattern, malformed, with)
		}
		if same != nil && with == nil && pattern != "*" && !strings.EqualFold(pattern, "null") {
			u, err := url.Parse(origin)
			if err != nil {
				t.Fatalf("%q allowed by %q: %v", origin, pattern, err)
			}
			name := pattern[strings.LastIndex(pattern, "/")+1:]
			name = strings.TrimPrefix(strings.TrimPrefix(name, "*"), ".")
			if i := strings.LastIndex(name, ":"); i >= 0 && !strings.HasSuffix(name, "]") {
				name = name[:i]
			}
			if !strings.HasSuffix(strings.ToLower(u.Host), strings.ToLower(name)) &&
				!strings.Contains(strings.ToLower(u.Host), strings.ToLower(name)+":") {
				t.Errorf("%q allowed by %q", origin, pattern)
			}
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
		if len(offered) == 0 {
			want = ErrSubprotocols
		}
		if err := CheckSubprotocols(line); err != want {
			t.Errorf("%q: %v, want %v", line, err, want)
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

// FuzzExtensions holds a verdict to what a second, cruder reading says: without
// quotes and escapes, the list is commas, semicolons, and name or name=value.
func FuzzExtensions(f *testing.F) {
	for _, s := range []string{"a", "a;b", "a;b=c", `a;b="c"`, "a;b=c, d", ";", "a b", `a;b="\c"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		got := CheckExtensions(line)
		if CheckExtensions([]byte(line)) != got {
			t.Errorf("%q: bytes and strings differ", line)
		}
		if strings.ContainsAny(line, `"\`) {
			return
		}
		var want error = ErrExtensions
		token := func(s string) bool { return all(strings.Trim(s, " \t"), &isToken) }
		for element := range strings.SplitSeq(line, ",") {
			if strings.Trim(element, " \t") == "" {
				continue
			}
			want = nil
			for i, part := range strings.Split(element, ";") {
				name, value, hasValue := strings.Cut(part, "=")
				if !token(name) || hasValue && (i == 0 || !token(value)) {
					want = ErrExtensions
				}
			}
			if want != nil {
				break
			}
		}
		if got != want {
			t.Errorf("%q: %v, want %v", line, got, want)
		}
	})
}

// FuzzHost holds the addresses to net/netip and the rest to net/url.
func FuzzHost(f *testing.F) {
	for _, s := range []string{"a", "a:80", "[::1]", "[1:2:3:4:5:6:7::]", "[::1.2.3.4]:5", "a:", "[fe80::1%25a]"} {
		f.Add(s)
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
