package handshake

import (
	"errors"
	"strings"
	"testing"
)

func TestRealClients(t *testing.T) {
	for _, client := range clients {
		t.Run(client.name, func(t *testing.T) {
			var r Request
			end, err := judge(t, client.head, &r)
			if end != len(client.head) || err != nil {
				t.Fatalf("end %d of %d, err %v", end, len(client.head), err)
			}
			if !r.IsUpgrade() {
				t.Error("not taken for an upgrade")
			}
			if err := CheckOrigin(r.Origin, r.Host, false, nil); err != nil {
				t.Errorf("origin %q at host %q: %v", r.Origin, r.Host, err)
			}
			if _, err := AppendResponse(nil, &r, Response{}); err != nil {
				t.Error(err)
			}
		})
	}
}

// replace swaps one line of minimal() for others.
func replace(prefix string, lines ...string) string {
	all := strings.Split(strings.TrimSuffix(minimal(), "\r\n\r\n"), "\r\n")
	for i, line := range all {
		if strings.HasPrefix(line, prefix) {
			return request(append(append(all[:i:i], lines...), all[i+1:]...)...)
		}
	}
	panic("no line " + prefix)
}

const keyPrefix = "Sec-WebSocket-Key: "

var handshakes = []struct {
	name    string
	head    string
	upgrade bool
	want    *Refusal
}{
	{"POST", replace("GET", "POST / HTTP/1.1"), true, ErrMethod},
	{"HEAD", replace("GET", "HEAD / HTTP/1.1"), true, ErrMethod},
	{"get", replace("GET", "get / HTTP/1.1"), true, ErrMethod},
	{"HTTP/1.0 ignores Upgrade", replace("GET", "GET / HTTP/1.0"), false, ErrHTTP10},
	{"HTTP/1.0 before the method", replace("GET", "POST / HTTP/1.0"), false, ErrHTTP10},

	{"Upgrade in any case", replace("Upgrade", "upgrade: WebSocket"), true, nil},
	{"Upgrade in a list", replace("Upgrade", "Upgrade: h2c, websocket"), true, nil},
	{"Upgrade on the second line", replace("Upgrade", "Upgrade: h2c", "Upgrade: websocket"), true, nil},
	{"Upgrade on the first line of two", replace("Upgrade", "Upgrade: websocket", "Upgrade: h2c"), true, nil},
	{"Upgrade with empty elements", replace("Upgrade", "Upgrade: ,, \t,websocket ,"), true, nil},
	{"no Upgrade", replace("Upgrade"), false, ErrNotUpgrade},
	{"empty Upgrade", replace("Upgrade", "Upgrade:"), false, ErrNotUpgrade},
	{"Upgrade of another protocol", replace("Upgrade", "Upgrade: h2c"), false, ErrNotUpgrade},
	{"Upgrade with a version", replace("Upgrade", "Upgrade: websocket/13"), false, ErrNotUpgrade},
	{"Upgrade as part of a word", replace("Upgrade", "Upgrade: xwebsocket, websockets"), false, ErrNotUpgrade},
	{"Upgrade without a comma", replace("Upgrade", "Upgrade: h2c websocket"), false, ErrNotUpgrade},
	{"Upgrade with the Kelvin sign", replace("Upgrade", "Upgrade: websoc\u212aet"), false, ErrNotUpgrade},

	{"Connection as Firefox sends it", replace("Connection", "Connection: keep-alive, Upgrade"), true, nil},
	{"Connection in capitals", replace("Connection", "CONNECTION: UPGRADE"), true, nil},
	{"Connection on two lines", replace("Connection", "Connection: keep-alive", "Connection: upgrade"), true, nil},
	{"no Connection", replace("Connection"), true, ErrConnection},
	{"Connection without upgrade", replace("Connection", "Connection: keep-alive"), true, ErrConnection},
	{"Connection as part of a word", replace("Connection", "Connection: upgrade-insecure"), true, ErrConnection},

	{"no Version", replace("Sec-WebSocket-Version"), true, ErrVersion},
	{"Version 8", replace("Sec-WebSocket-Version", "Sec-WebSocket-Version: 8"), true, ErrVersion},
	{"Version 13, 8", replace("Sec-WebSocket-Version", "Sec-WebSocket-Version: 13, 8"), true, ErrVersion},
	{"Version 013", replace("Sec-WebSocket-Version", "Sec-WebSocket-Version: 013"), true, ErrVersion},
	{"Version before Key", replace(keyPrefix, "X: x", "Sec-WebSocket-Version: 8"), true, ErrVersionRepeated},

	{"Key between white space", replace(keyPrefix, keyPrefix+" \t"+sampleKey+" \t"), true, nil},
	{"Key of 15 bytes", replace(keyPrefix, keyPrefix+"MDEyMzQ1Njc4OTAxMjM0"), true, ErrKey},
	{"Key of 17 bytes", replace(keyPrefix, keyPrefix+"MDEyMzQ1Njc4OTAxMjM0NTY="), true, ErrKey},
	{"Key without padding", replace(keyPrefix, keyPrefix+strings.TrimRight(sampleKey, "=")), true, ErrKey},
	{"Key in URL-safe base64", replace(keyPrefix, keyPrefix+"--------------------_A=="), true, ErrKey},
	{"Key with SP", replace(keyPrefix, keyPrefix+"dGhlIHNh XBsZSBub25jZQ=="), true, ErrKey},
	{"Key with one =", replace(keyPrefix, keyPrefix+"dGhlIHNhbXBsZSBub25jZQ=A"), true, ErrKey},
	{"Key with more behind it", replace(keyPrefix, keyPrefix+sampleKey+"AAA="), true, ErrKey},
	{"empty Key", replace(keyPrefix, keyPrefix), true, ErrKey},

	{"empty Origin", minimal("Origin:"), true, ErrOriginMalformed},
	{"two subprotocol lines", minimal("Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: b, c"), true, nil},
	{"malformed subprotocol on the second line", minimal("Sec-WebSocket-Protocol: a", "Sec-WebSocket-Protocol: b c"), true, ErrSubprotocols},
	{"no subprotocol in the list", minimal("Sec-WebSocket-Protocol:"), true, nil},
	{"no subprotocol, but a comma", minimal("Sec-WebSocket-Protocol: ,"), true, nil},
	{"no subprotocol on the first line", minimal("Sec-WebSocket-Protocol:", "Sec-WebSocket-Protocol: a"), true, nil},
	{"no extension in the list", minimal("Sec-WebSocket-Extensions:"), true, nil},
	{"no extension, but commas", minimal("Sec-WebSocket-Extensions: , ,"), true, nil},
	{"Expect 100", minimal("Expect: 100-Continue"), true, nil},
	{"Expect nothing", minimal("Expect: ,"), true, nil},
	{"Expect something else", minimal("Expect: 100-continue, x"), true, ErrExpectation},
	{"neither", minimal("Sec-WebSocket-Extensions: ", "Sec-WebSocket-Protocol: "), true, nil},
	{"malformed extension on the second line", minimal("Sec-WebSocket-Extensions: a", "Sec-WebSocket-Extensions: ;"), true, ErrExtensions},
}

func TestVerify(t *testing.T) {
	for _, tc := range handshakes {
		t.Run(tc.name, func(t *testing.T) {
			var r Request
			_, err := judge(t, tc.head, &r)
			if tc.want == nil && err != nil || tc.want != nil && !errors.Is(err, tc.want) {
				t.Errorf("verdict %v, want %v", err, tc.want)
			}
			if r.IsUpgrade() != tc.upgrade {
				t.Errorf("IsUpgrade %v, want %v", r.IsUpgrade(), tc.upgrade)
			}
		})
	}
}

func TestAcceptOfRFC6455(t *testing.T) {
	got := AppendAccept([]byte("> "), []byte(sampleKey))
	if string(got) != "> "+sampleAccept {
		t.Errorf("got %q, want %q", got, sampleAccept)
	}
}

func TestValidKeyTakesUnclearedPaddingBits(t *testing.T) {
	if !ValidKey("dGhlIHNhbXBsZSBub25jZR==") {
		t.Error("refused, though it decodes to 16 bytes")
	}
}
