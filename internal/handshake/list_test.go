package handshake

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestHasToken(t *testing.T) {
	for _, tc := range []struct {
		list string
		want bool
	}{
		{"upgrade", true}, {"UpGrAdE", true}, {"a,upgrade", true}, {"upgrade,a", true}, {"a , upgrade\t, b", true},
		{",,upgrade,,", true}, {"", false}, {",", false}, {" ", false}, {"upgrad", false}, {"upgrades", false},
		{"up grade", false}, {"a upgrade", false}, {`"upgrade"`, false}, {"upgrade;q=1", false},
	} {
		if got := HasToken(tc.list, "upgrade"); got != tc.want {
			t.Errorf("%q: %v, want %v", tc.list, got, tc.want)
		}
		if got := HasToken([]byte(tc.list), "upgrade"); got != tc.want {
			t.Errorf("%q as bytes: %v, want %v", tc.list, got, tc.want)
		}
	}
}

func TestValidSubprotocol(t *testing.T) {
	for name, want := range map[string]bool{"v2.chat": true, "": false, "a b": false, "a,b": false, "ä": false, `"a"`: false} {
		if ValidSubprotocol(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

func TestCheckSubprotocols(t *testing.T) {
	for line, want := range map[string]error{
		"chat": nil, "chat, superchat": nil, "a,,b": nil, " , a": nil, "a\t,\tb": nil, "v1.chat+json!#$%&'*^_`|~-": nil, "a, a": nil,
		"": nil, " ": nil, ",": nil, " ,\t, ": nil, "a b": ErrSubprotocols, "a;b": ErrSubprotocols,
		"a/b": ErrSubprotocols, `"a"`: ErrSubprotocols, "a, b c": ErrSubprotocols, "caf\u00e9": ErrSubprotocols, "a\x00": ErrSubprotocols,
		"a=b": ErrSubprotocols, "(a)": ErrSubprotocols,
	} {
		if err := CheckSubprotocols(line); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", line, err, want)
		}
	}
}

func TestSelectSubprotocol(t *testing.T) {
	for _, tc := range []struct {
		name      string
		lines     []string
		supported []string
		want      string
	}{
		{"none offered", nil, []string{"a"}, ""},
		{"none supported", []string{"a"}, nil, ""},
		{"server's order", []string{"a, b"}, []string{"b", "a"}, "b"},
		{"second line", []string{"a", "b"}, []string{"c", "b"}, "b"},
		{"case matters", []string{"Chat"}, []string{"chat"}, ""},
		{"whole names", []string{"chat2, xchat"}, []string{"chat"}, ""},
		{"an empty name is never offered", []string{"a,,b"}, []string{""}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := SelectSubprotocol(tc.lines, tc.supported); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			var lines []string
			for _, line := range tc.lines {
				lines = append(lines, "Sec-WebSocket-Protocol: "+line)
			}
			if got := parse(t, minimal(lines...)).SelectSubprotocol(tc.supported); got != tc.want {
				t.Errorf("got %q of the request, want %q", got, tc.want)
			}
		})
	}
}

func TestSubprotocolsOverAllLines(t *testing.T) {
	r := parse(t, minimal("Sec-WebSocket-Protocol: a, b", "X: x", "sec-websocket-protocol: ,c"))
	var got []string
	for name := range r.Subprotocols {
		got = append(got, string(name))
	}
	if want := []string{"a", "b", "c"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for name := range r.Subprotocols {
		if string(name) != "a" {
			t.Errorf("went on to %q after break", name)
		}
		break
	}
	for range parse(t, minimal()).Subprotocols {
		t.Error("a name where none was offered")
	}
}

var extensionLines = map[string]error{
	"permessage-deflate":                         nil,
	"permessage-deflate; client_max_window_bits": nil,
	"a;b=1;c=\"2\", d ; e = f":                   nil,
	`a;b="\x\y"`:                                 nil,
	", a ,, b,":                                  nil,
	"permessage-deflate; client_max_window_bits; server_max_window_bits=10, x-webkit-deflate-frame": nil,

	"": nil, " ": nil, ",": nil, " ,\t, ": nil, ";": ErrExtensions, "a;": ErrExtensions, "a;;b": ErrExtensions,
	"a b": ErrExtensions, "a;b c": ErrExtensions, "a;b=": ErrExtensions, "a;=b": ErrExtensions, "a=b": ErrExtensions,
	`a;b="`: ErrExtensions, `a;b=""`: ErrExtensions, `a;b="c d"`: ErrExtensions, `a;b="c`: ErrExtensions, `a;b="\`: ErrExtensions,
	`a;b="c\"`: ErrExtensions, `a;b="c"d`: ErrExtensions, `a;b="\""`: ErrExtensions, `"a"`: ErrExtensions, "a;b,": nil,
	"caf\u00e9": ErrExtensions, "a/b": ErrExtensions, "a, b c": ErrExtensions,
}

func TestCheckExtensions(t *testing.T) {
	for line, want := range extensionLines {
		if err := CheckExtensions(line); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", line, err, want)
		}
	}
}

// TestListsAreLinear gives each list grammar what made others quadratic or
// worse. Linear work takes milliseconds here; one search that starts over at
// each element takes a hundred billion steps, which the guard ends.
func TestListsAreLinear(t *testing.T) {
	guard := time.AfterFunc(5*time.Minute, func() { panic("a list grammar is not linear") })
	defer guard.Stop()
	const n = 512 << 10
	for name, line := range map[string]string{
		"commas":         strings.Repeat(",", n) + "a",
		"white space":    strings.Repeat(" ", n) + "a b",
		"tokens":         strings.Repeat("a,", n/2) + "a",
		"semicolons":     "a" + strings.Repeat(";a", n/2),
		"quoted":         `a;b="` + strings.Repeat("x", n),
		"escapes":        `a;b="` + strings.Repeat(`\x`, n/2),
		"SP then commas": strings.Repeat(" ,", n/2) + "a",
		"SP after token": "a" + strings.Repeat(" ", n) + "b",
	} {
		_ = CheckSubprotocols(line)
		_ = CheckExtensions(line)
		if HasToken(line, "missing") || OffersSubprotocol(line, "missing") {
			t.Errorf("%s: found what is not there", name)
		}
	}
}
