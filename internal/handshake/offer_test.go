package handshake

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
)

// The key and its answer of RFC 6455 1.3.
const (
	exampleKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	exampleAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

func TestNewKey_Is16FreshBytes(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		key := NewKey()
		nonce, err := base64.StdEncoding.DecodeString(key)
		if err != nil || len(nonce) != 16 || !ValidKey(key) {
			t.Fatalf("%q: %v", key, err)
		}
		if seen[key] {
			t.Fatalf("%q twice", key)
		}
		seen[key] = true
	}
}

func TestAccept_OfRFC6455(t *testing.T) {
	if got := Accept(exampleKey); got != exampleAccept {
		t.Errorf("%q", got)
	}
}

// sound is an answer that keeps all rules, with one field changed. "" as the value: without it.
func sound(changes ...string) *http.Response {
	h := http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Sec-Websocket-Accept": {exampleAccept}}
	for i := 0; i < len(changes); i += 2 {
		name := http.CanonicalHeaderKey(changes[i])
		if changes[i+1] == "" {
			delete(h, name)
			continue
		}
		h[name] = strings.Split(changes[i+1], "|")
	}
	return &http.Response{Status: "101 Switching Protocols", StatusCode: 101, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h}
}

func TestCheckAnswer(t *testing.T) {
	offer := Offer{Key: exampleKey, Subprotocols: []string{"chat", "soap"}}
	for _, tc := range []struct {
		rule    string
		changes []string // names and values in turn; a value with | is of several lines
		chosen  string
		err     error
	}{
		{"sound", nil, "", nil},
		{"names of tokens in any case", []string{"Upgrade", "WebSocket", "Connection", "uPGRADE"}, "", nil},
		{"tokens in lists", []string{"Upgrade", "h2c, websocket", "Connection", "keep-alive, Upgrade"}, "", nil},
		{"tokens on several lines", []string{"Upgrade", "h2c|websocket", "Connection", "keep-alive|Upgrade"}, "", nil},
		{"white space around the accept", []string{"Sec-WebSocket-Accept", " " + exampleAccept + "\t"}, "", nil},
		{"a subprotocol", []string{"Sec-WebSocket-Protocol", "soap"}, "soap", nil},
		{"other fields", []string{"Server", "x", "Set-Cookie", "a=b|c=d"}, "", nil},

		{"no Upgrade", []string{"Upgrade", ""}, "", ErrAnswerUpgrade},
		{"another Upgrade", []string{"Upgrade", "websocket2"}, "", ErrAnswerUpgrade},
		{"Upgrade only within a word", []string{"Upgrade", "websocket/13"}, "", ErrAnswerUpgrade},
		{"no Connection", []string{"Connection", ""}, "", ErrAnswerConnection},
		{"Connection: close", []string{"Connection", "close"}, "", ErrAnswerConnection},
		{"no accept", []string{"Sec-WebSocket-Accept", ""}, "", ErrAnswerAccept},
		{"another accept", []string{"Sec-WebSocket-Accept", "S3pPLMBiTxaQ9kYGzzhZRbK+xOo="}, "", ErrAnswerAccept},
		{"the key as the accept", []string{"Sec-WebSocket-Accept", exampleKey}, "", ErrAnswerAccept},
		{"two accepts", []string{"Sec-WebSocket-Accept", exampleAccept + "|" + exampleAccept}, "", ErrAnswerAccept},
		{"a subprotocol that was not offered", []string{"Sec-WebSocket-Protocol", "mqtt"}, "", ErrAnswerSubprotocol},
		{"a subprotocol in another case", []string{"Sec-WebSocket-Protocol", "Chat"}, "", ErrAnswerSubprotocol},
		{"two subprotocols", []string{"Sec-WebSocket-Protocol", "chat, soap"}, "", ErrAnswerSubprotocol},
		{"two lines of subprotocols", []string{"Sec-WebSocket-Protocol", "chat|soap"}, "", ErrAnswerSubprotocol},
		{"an empty subprotocol", []string{"Sec-WebSocket-Protocol", " "}, "", ErrAnswerSubprotocol},
		{"101 lines", []string{"X", strings.Repeat("|", 97)}, "", ErrAnswerLines},
		{"8 KiB", []string{"X", strings.Repeat("x", 8<<10)}, "", ErrAnswerSize},
	} {
		chosen, err := offer.CheckAnswer(sound(tc.changes...))
		if chosen != tc.chosen || !errors.Is(err, tc.err) || tc.err == nil && err != nil {
			t.Errorf("%s: %q, %v, want %q, %v", tc.rule, chosen, err, tc.chosen, tc.err)
		}
	}
}

func TestCheckAnswer_UnaskedSubprotocol(t *testing.T) {
	offer := Offer{Key: exampleKey}
	if _, err := offer.CheckAnswer(sound("Sec-WebSocket-Protocol", "chat")); !errors.Is(err, ErrAnswerSubprotocol) {
		t.Error(err)
	}
}

func TestCheckAnswer_StatusLine(t *testing.T) {
	offer := Offer{Key: exampleKey}
	for _, status := range []int{100, 102, 200, 204, 301, 400, 426, 503} {
		resp := sound()
		resp.StatusCode = status
		if _, err := offer.CheckAnswer(resp); !errors.Is(err, ErrAnswerStatus) {
			t.Errorf("%d: %v", status, err)
		}
	}
	resp := sound()
	resp.Proto, resp.ProtoMinor = "HTTP/1.0", 0
	if _, err := offer.CheckAnswer(resp); !errors.Is(err, ErrAnswerVersion) {
		t.Error(err)
	}
}

// An error says the rule, what the answer had, and where the rule is written. What a server
// sends cannot fill a log.
func TestAnswerError_NamesTheValue(t *testing.T) {
	offer := Offer{Key: exampleKey}
	_, err := offer.CheckAnswer(sound("Upgrade", "h2c\x1b"))
	want := `framerail: the answer's Upgrade does not list websocket: "h2c\x1b" (RFC 6455 4.1)`
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if _, err = offer.CheckAnswer(sound("Upgrade", strings.Repeat("x", 4<<10))); len(err.Error()) > 250 {
		t.Errorf("%d bytes", len(err.Error()))
	}
}

func TestOffer_Validate(t *testing.T) {
	for _, tc := range []struct {
		names []string
		err   error
	}{
		{nil, nil}, {[]string{"chat", "Chat", "v1.soap"}, nil},
		{[]string{""}, ErrSubprotocolName}, {[]string{"a,b"}, ErrSubprotocolName}, {[]string{"a\r\nb"}, ErrSubprotocolName},
		{[]string{"chat", "soap", "chat"}, ErrSubprotocolTwice},
	} {
		if err := (&Offer{Subprotocols: tc.names}).Validate(); !errors.Is(err, tc.err) || tc.err == nil && err != nil {
			t.Errorf("%q: %v, want %v", tc.names, err, tc.err)
		}
	}
}

func TestOffer_SetHeaderIsWhatAServerReads(t *testing.T) {
	offer := Offer{Key: NewKey(), Subprotocols: []string{"chat", "soap"}}
	h := http.Header{"Origin": {"https://example.com"}}
	offer.SetHeader(h, "permessage-deflate; client_max_window_bits")
	head := new(strings.Builder)
	head.WriteString("GET / HTTP/1.1\r\nHost: example.com\r\n")
	_ = h.Write(head)
	head.WriteString("\r\n")
	var req Request
	if err := Parse([]byte(head.String()), &req); err != nil {
		t.Fatal(err)
	}
	if err := req.Verify(); err != nil {
		t.Fatal(err)
	}
	if string(req.Key) != offer.Key || req.SelectSubprotocol([]string{"soap"}) != "soap" {
		t.Errorf("key %q, %q", req.Key, head)
	}
	answer, err := AppendResponse(nil, &req, Response{Subprotocol: "soap"})
	if err != nil {
		t.Fatal(err)
	}
	if chosen, err := offer.CheckAnswer(answerOf(t, answer)); chosen != "soap" || err != nil {
		t.Errorf("%q, %v", chosen, err)
	}
}

func TestCheckRequestHeader(t *testing.T) {
	for name, err := range map[string]error{
		"X": nil, "Origin": nil, "Authorization": nil, "Cookie": nil,
		"X Y": ErrHeaderName, "": ErrHeaderName, "X\r\nY": ErrHeaderName,
		"Upgrade": ErrHeaderOwned, "connection": ErrHeaderOwned, "Sec-WebSocket-Key": ErrHeaderOwned,
		"sec-websocket-extensions": ErrHeaderOwned, "Content-Length": ErrHeaderOwned, "Transfer-Encoding": ErrHeaderOwned,
	} {
		if got := CheckRequestHeader(http.Header{name: {"v"}}); !errors.Is(got, err) || err == nil && got != nil {
			t.Errorf("%q: %v, want %v", name, got, err)
		}
	}
	for _, value := range []string{"a\r\nb", "a\nb", "a\x00"} {
		if err := CheckRequestHeader(http.Header{"X": {value}}); !errors.Is(err, ErrHeaderValue) {
			t.Errorf("%q: %v", value, err)
		}
	}
}
