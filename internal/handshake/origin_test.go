package handshake

import (
	"errors"
	"testing"
)

const plain, tls = false, true

var origins = []struct {
	name         string
	origin, host string
	tls          bool
	want         error
}{
	{"no origin is no page", "", "example.com", plain, nil},
	{"no origin over TLS", "", "example.com", tls, nil},
	{"same", "http://example.com", "example.com", plain, nil},
	{"same port", "http://example.com:9001", "example.com:9001", plain, nil},
	{"default port in the origin", "http://example.com:80", "example.com", plain, nil},
	{"default port in the host", "http://example.com", "example.com:80", plain, nil},
	{"empty port in the host", "http://example.com", "example.com:", plain, nil},
	{"leading zeros in a port", "http://example.com:080", "example.com", plain, nil},
	{"any case", "HTTP://EXAMPLE.com", "example.COM", plain, nil},
	{"behind a proxy that ends TLS", "https://example.com", "example.com", plain, nil},
	{"behind a proxy, default port", "https://example.com", "example.com:443", plain, nil},
	{"TLS", "https://example.com", "example.com", tls, nil},
	{"TLS with a port", "https://example.com:8443", "example.com:8443", tls, nil},
	{"IPv4", "http://127.0.0.1:9001", "127.0.0.1:9001", plain, nil},
	{"IPv6", "http://[::1]:9001", "[::1]:9001", plain, nil},
	{"IPv6 in capitals", "http://[fe80::a]", "[FE80::A]:80", plain, nil},

	{"plain page, TLS server", "http://example.com", "example.com", tls, ErrOrigin},
	{"plain page at the TLS port", "http://example.com:443", "example.com", tls, ErrOrigin},
	{"other port", "http://example.com:9002", "example.com:9001", plain, ErrOrigin},
	{"other default port", "http://example.com", "example.com:443", plain, ErrOrigin},
	{"port against none", "http://example.com:9001", "example.com", plain, ErrOrigin},
	{"other host", "http://evil.example", "example.com", plain, ErrOrigin},
	{"host as prefix", "http://example.com.evil.example", "example.com", plain, ErrOrigin},
	{"host as suffix", "http://evilexample.com", "example.com", plain, ErrOrigin},
	{"name below", "http://a.example.com", "example.com", plain, ErrOrigin},
	{"name above", "http://example.com", "a.example.com", plain, ErrOrigin},
	{"final dot", "http://example.com.", "example.com", plain, ErrOrigin},
	{"localhost is not its address", "http://localhost:9001", "127.0.0.1:9001", plain, ErrOrigin},
	{"null", "null", "example.com", plain, ErrOrigin},
	{"null as host", "null", "null", plain, ErrOrigin},
	{"other scheme", "ftp://example.com", "example.com", plain, ErrOrigin},
	{"scheme of the socket", "ws://example.com", "example.com", plain, ErrOrigin},
	{"extension", "chrome-extension://example.com", "example.com", plain, ErrOrigin},
	{"file", "file://", "example.com", plain, ErrOrigin},
	{"file, no host", "file://", "", plain, ErrOrigin},
	{"other IPv6 address", "http://[::2]", "[::1]", plain, ErrOrigin},
	{"no host of the request", "http://example.com", "", plain, ErrOrigin},
	{"malformed host of the request", "http://a@b", "a@b", plain, ErrOriginMalformed},

	{"with a path", "http://example.com/", "example.com", plain, ErrOriginMalformed},
	{"with user information", "http://example.com@evil.example", "example.com", plain, ErrOriginMalformed},
	{"with a query", "http://evil.example?example.com", "example.com", plain, ErrOriginMalformed},
	{"with a fragment", "http://evil.example#example.com", "example.com", plain, ErrOriginMalformed},
	{"list", "http://example.com http://example.com", "example.com", plain, ErrOriginMalformed},
	{"no scheme", "example.com", "example.com", plain, ErrOriginMalformed},
	{"empty scheme", "://example.com", "example.com", plain, ErrOriginMalformed},
	{"one slash", "http:/example.com", "example.com", plain, ErrOriginMalformed},
	{"no host", "http://", "example.com", plain, ErrOriginMalformed},
	{"no host but a port", "http://:80", ":80", plain, ErrOriginMalformed},
	{"port out of range", "http://example.com:65616", "example.com", plain, ErrOriginMalformed},
	{"backslash", `http://example.com\evil.example`, "example.com", plain, ErrOriginMalformed},
	{"percent", "http://%65xample.com", "example.com", plain, ErrOriginMalformed},
	{"non-ASCII", "http://ex\u00e4mple.com", "ex\u00e4mple.com", plain, ErrOriginMalformed},
	{"open bracket", "http://[::1", "[::1", plain, ErrOriginMalformed},
	{"Null", "Null", "example.com", plain, ErrOriginMalformed},
	{"scheme not a scheme", "ht tp://example.com", "example.com", plain, ErrOriginMalformed},
}

func TestSameOrigin(t *testing.T) {
	for _, tc := range origins {
		t.Run(tc.name, func(t *testing.T) {
			if err := CheckOrigin(tc.origin, tc.host, tc.tls, nil); !errors.Is(err, tc.want) {
				t.Errorf("%v, want %v", err, tc.want)
			}
			if err := CheckOrigin([]byte(tc.origin), []byte(tc.host), tc.tls, nil); !errors.Is(err, tc.want) {
				t.Errorf("as bytes: %v, want %v", err, tc.want)
			}
		})
	}
}

var originPatterns = []struct {
	pattern   string
	allowed   []string
	forbidden []string
}{
	{"*",
		[]string{"http://a.example", "null", "file://", "nonsense"},
		nil},
	{"null",
		[]string{"null"},
		[]string{"http://null", "file://", "Null"}},
	{"a.example",
		[]string{"http://a.example", "https://a.example", "HTTPS://A.EXAMPLE:443", "http://a.example:80"},
		[]string{"http://a.example:81", "https://a.example:80", "ftp://a.example", "http://b.a.example", "http://a.example.evil", "null"}},
	{"https://a.example",
		[]string{"https://a.example", "https://a.example:443"},
		[]string{"http://a.example", "http://a.example:443", "https://a.example:444"}},
	{"A.Example:8080",
		[]string{"http://a.example:8080", "https://a.example:8080"},
		[]string{"http://a.example", "http://a.example:80"}},
	{"a.example:*",
		[]string{"http://a.example", "https://a.example:1"},
		[]string{"http://b.example:1", "ftp://a.example:1"}},
	{"http://a.example:443",
		[]string{"http://a.example:443"},
		[]string{"https://a.example", "http://a.example"}},
	{"*.a.example",
		[]string{"http://b.a.example", "https://c.b.a.example"},
		[]string{"http://a.example", "http://.a.example", "http://ba.example", "http://bca.example", "http://b.a.example.evil", "http://b.a.example:81", "http://evil/b.a.example"}},
	{"https://*.a.example:*",
		[]string{"https://b.a.example:8443", "https://b.a.example"},
		[]string{"http://b.a.example", "https://a.example"}},
	{"https://*",
		[]string{"https://a.example", "https://[::1]"},
		[]string{"http://a.example", "https://a.example:8443", "null"}},
	{"*:8080",
		[]string{"http://a.example:8080", "https://b.example:8080"},
		[]string{"http://a.example"}},
	{"[::1]:9001",
		[]string{"http://[::1]:9001"},
		[]string{"http://[::1]", "http://[::2]:9001"}},
	{"chrome-extension://abcdef",
		[]string{"chrome-extension://abcdef"},
		[]string{"chrome-extension://abcdeg", "http://abcdef", "moz-extension://abcdef"}},
	{"file://",
		[]string{"file://"},
		[]string{"app://", "null", "file://a", "http://a.example"}},
	{"https://*/",
		nil,
		[]string{"https://a.example", "https://"}},
}

func TestOriginPatterns(t *testing.T) {
	for _, tc := range originPatterns {
		t.Run(tc.pattern, func(t *testing.T) {
			patterns := []string{"unrelated.example", tc.pattern}
			for _, origin := range tc.allowed {
				if err := CheckOrigin(origin, "h.example", false, patterns); err != nil {
					t.Errorf("%q: %v, want nil", origin, err)
				}
			}
			for _, origin := range tc.forbidden {
				if err := CheckOrigin(origin, "h.example", false, patterns); err == nil {
					t.Errorf("%q allowed", origin)
				}
			}
		})
	}
}

func TestPatternWithoutSchemeMeansHTTPSOverTLS(t *testing.T) {
	patterns := []string{"a.example"}
	if err := CheckOrigin("https://a.example", "h.example", true, patterns); err != nil {
		t.Errorf("https: %v", err)
	}
	if err := CheckOrigin("http://a.example", "h.example", true, patterns); !errors.Is(err, ErrOrigin) {
		t.Errorf("http: %v, want %v", err, ErrOrigin)
	}
	if err := CheckOrigin("http://a.example", "h.example", true, []string{"http://a.example"}); err != nil {
		t.Errorf("http by name: %v", err)
	}
}

var badPatterns = []string{
	"", " ", "https://", "http://", "://a", "a://b://c", "https://example.com/", "example.com/chat", "/", "//a", "a//b",
	"https:/a", "https:a", "a b", "b\u00fccher.example", "a\x00", "*.", "*..a", "*a.example", "a*.example", "a.*", "a.*.example",
	"**", "*.*", "*.*.a", "example.com:", "example.com:x", "example.com:65536", "example.com:8*", "example.com:*:*", "example.com:80:*",
	"*:", ":80", ":*", "*.[::1]", "[::1", "[*]", "a@b", "^https?://.*$", "ht*ps://a", "ht tp://a", "example.com:**",
}

func TestValidatePattern(t *testing.T) {
	for _, ok := range []string{
		"*", "null", "NULL", "example.com", "example.com:80", "example.com:*", "*.example.com", "*:80", "*:*",
		"https://example.com", "https://*.example.com:*", "https://*", "[::1]", "[::1]:*", "http://[::1]:80",
		"chrome-extension://abc", "file://", "capacitor://localhost",
	} {
		if err := ValidatePattern(ok); err != nil {
			t.Errorf("%q: %v", ok, err)
		}
	}
	for _, bad := range badPatterns {
		err := ValidatePattern(bad)
		var caller *CallerError
		if !errors.Is(err, ErrPattern) || !errors.As(err, &caller) {
			t.Errorf("%q: %v, want a caller's error", bad, err)
		}
		if bad != "" && CheckOrigin("https://example.com", "h", false, []string{bad}) == nil {
			t.Errorf("%q: malformed, yet it allows", bad)
		}
	}
}
