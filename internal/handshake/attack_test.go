package handshake

import (
	"errors"
	"strings"
	"testing"
)

// What worked on others, against the opening handshake. SECURITY.md lists it all.

// CVE-2024-37890: thousands of headers. The verdict comes at the first of them that
// is too many, and nothing behind it is looked at.
func TestAttackThousandsOfHeaders(t *testing.T) {
	head := strings.TrimSuffix(minimal(), "\r\n") + strings.Repeat("a:b\r\n", 100_000)
	var s Scanner
	if end, err := s.Scan([]byte(head), Limits{MaxHeadBytes: 1 << 20}); end != 0 || err != ErrTooManyHeaders {
		t.Fatalf("end %d, %v", end, err)
	}
	if most := uint32(len(minimal()) + MaxHeaders*len("a:b\r\n")); s.pos > most {
		t.Errorf("%d bytes were looked at, most %d", s.pos, most)
	}
}

// CVE-2023-43669: a head that is read anew at each packet.
func TestAttackHeadByteByByte(t *testing.T) {
	head := []byte(minimal("X: " + strings.Repeat("x", 7000)))
	var s Scanner
	for n := range head {
		if end, err := s.Scan(head[:n], Limits{}); end != 0 || err != nil || int(s.pos) != n {
			t.Fatalf("%d bytes: end %d, %v, at %d", n, end, err, s.pos)
		}
	}
}

// Names that are more than names elsewhere: members of every object, non-ASCII
// letters, separators.
func TestAttackOddNames(t *testing.T) {
	for _, name := range []string{"__proto__", "constructor", "hasOwnProperty", "toString", "permessage-deflate", "*", "%s%n"} {
		r := parse(t, minimal("Sec-WebSocket-Protocol: "+name, "Sec-WebSocket-Extensions: "+name+"; "+name+"="+name))
		if err := r.Verify(); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if got := r.SelectSubprotocol([]string{"chat"}); got != "" {
			t.Errorf("%q: chose %q", name, got)
		}
		if got := r.SelectSubprotocol([]string{"chat", name}); got != name {
			t.Errorf("%q: chose %q", name, got)
		}
		answer, err := AppendResponse(nil, r, Response{})
		if err != nil || strings.Contains(string(answer), name) {
			t.Errorf("%q: answered %q, %v", name, answer, err)
		}
	}
	for _, name := range []string{"caf\u00e9", "\u0430", "\xff", "a/b", "a\"b", "(a)", "a b", "\u2028"} {
		if err := parse(t, minimal("Sec-WebSocket-Protocol: "+name)).Verify(); !errors.Is(err, ErrSubprotocols) {
			t.Errorf("subprotocol %q: %v", name, err)
		}
		if err := parse(t, minimal("Sec-WebSocket-Extensions: "+name)).Verify(); !errors.Is(err, ErrExtensions) {
			t.Errorf("extension %q: %v", name, err)
		}
	}
}
