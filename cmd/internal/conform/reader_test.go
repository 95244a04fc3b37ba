package conform

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// trace is what a reader makes of b, fed n bytes at a time.
func trace(b []byte, n int) string {
	var r reader
	var out strings.Builder
	for len(b) > 0 {
		n := min(n, len(b))
		r.feed(b[:n])
		b = b[n:]
		for {
			got, err := r.next()
			if err != nil {
				fmt.Fprintf(&out, "fault: %v", err)
				return out.String()
			}
			if got == nil {
				break
			}
			switch {
			case got.close != nil:
				fmt.Fprintf(&out, "close %d %q; ", got.close.code, got.close.reason)
			case got.event != nil:
				fmt.Fprintf(&out, "%d %x; ", got.event.kind, got.event.payload)
			}
		}
	}
	if err := r.unfinished(); err != nil {
		fmt.Fprintf(&out, "end: %v", err)
	}
	return out.String()
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Each rule of RFC 6455 for what a server sends has a row that breaks it.
func TestReaderFindsWhatAServerMayNotSend(t *testing.T) {
	for _, c := range []struct{ bytes, want string }{
		{"8100", "0 ; "},
		{"810568656c6c6f", "0 68656c6c6f; "},
		{"8201ff", "1 ff; "},
		{"0101c3 8001a9", "0 c3a9; "},
		{"0101c3 8900 8001a9", "2 ; 0 c3a9; "},
		{"8a03616263", "3 616263; "},
		{"8800", `close 0 ""; `},
		{"880403e86869", `close 1000 "hi"; `},
		{"88020fa0", `close 4000 ""; `},
		{"827e007e" + strings.Repeat("00", 126), "1 " + strings.Repeat("00", 126) + "; "},

		{"8180 00000000", "fault: a masked frame from the server (RFC 6455 5.1)"},
		{"8300", "fault: a frame with the reserved opcode 3"},
		{"8b00", "fault: a frame with the reserved opcode 11"},
		{"c100", "fault: reserved bits 100"},
		{"9100", "fault: reserved bits 001"},
		{"0900", "fault: a fragmented control frame"},
		{"897e007e", "fault: a control frame of 126 bytes"},
		{"8000", "fault: a continuation frame with nothing to continue"},
		{"010161 810162", "fault: a new message within a fragmented one"},
		{"817e007d", "fault: a length of 125 in 16 bits"},
		{"817f000000000000ffff", "fault: a length of 65535 in 64 bits"},
		{"817f8000000000000000", "fault: a length in 64 bits of which the first is 1"},
		{"827f0000000004000001", "fault: 67108865 bytes and more"},
		{"8101ff", "fault: a text message that is not UTF-8"},
		{"8101c3", "fault: a text message that is not UTF-8"},
		{"880103", "fault: a Close frame with one byte"},
		{"880203ed", "fault: a Close frame with the code 1005"},
		{"8802270f", "fault: a Close frame with the code 9999"},
		{"880303e8ff", "fault: a Close frame whose reason is not UTF-8"},
		{"8800 00", `close 0 ""; fault: bytes after a Close frame`},
		{"81", "end: a frame that was never finished"},
		{"010161", "end: a message that was never finished"},
		{"010161 8800", `close 0 ""; `},
	} {
		b := unhex(t, c.bytes)
		for _, n := range []int{len(b), 1, 3} {
			if got := trace(b, n); !strings.HasPrefix(got, c.want) || c.want == "" {
				t.Errorf("%s in pieces of %d: %q, want %q", c.bytes, n, got, c.want)
			}
		}
	}
}

// However a server's bytes arrive, what is made of them is the same.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{
		"810568656c6c6f 8900 0101c3 8001a9 880403e86869", "8180 00000000", "c100", "827e007e" + strings.Repeat("00", 126), "8800 00",
		"817f8000000000000000", "880303e8ff", "010161 810162",
	} {
		f.Add(unhex(f, seed), 2)
	}
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		n = 1 + int(uint(n)%100)
		whole := trace(b, max(len(b), 1))
		if got := trace(b, n); got != whole {
			t.Errorf("%x in pieces of %d: %q, in one %q", b, n, got, whole)
		}
	})
}

const goodAnswer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

// RFC 6455 4.1 lists what makes an answer one that opens a connection.
func TestAnswerThatOpensAConnection(t *testing.T) {
	change := func(from, to string) string { return strings.Replace(goodAnswer, from, to, 1) }
	for _, c := range []struct{ answer, want string }{
		{goodAnswer, ""},
		{change("Upgrade: websocket", "upgrade: WebSocket"), ""},
		{change("\r\n\r\n", "\r\nSec-WebSocket-Protocol: chat\r\n\r\n"), ""},
		{change("101 Switching Protocols", "101 "), ""},
		{change("101 Switching Protocols", "200 OK"), "not with 101"},
		{change("Upgrade: websocket\r\n", ""), "Upgrade is"},
		{change("websocket", "h2c"), "Upgrade is"},
		{change("Connection: Upgrade", "Connection: close"), "Connection is"},
		{change("s3pP", "S3pP"), "Sec-WebSocket-Accept is"},
		{change("\r\n\r\n", "\r\nSec-WebSocket-Accept: x\r\n\r\n"), "Sec-WebSocket-Accept is"},
		{change("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n"), "Content-Length"},
		{change("\r\n\r\n", "\r\nSec-WebSocket-Protocol: news\r\n\r\n"), "not offered"},
		{change("\r\n\r\n", "\r\nSec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat\r\n\r\n"), "more than one"},
		{change("HTTP/1.1", "HTTP/2.0"), "no status line"},
		{change("HTTP/1.1 101", "HTTP/1.1  101"), "no status line"},
		{change("HTTP/1.1 101", "HTTP/1.1 99"), "no status line"},
		{change("Upgrade:", "Upgrade :"), "no header line"},
		{change("Upgrade:", " Upgrade:"), "no header line"},
		{change("websocket", "web\nsocket"), "no header line"},
		{"SSH-2.0-OpenSSH", "no HTTP answer"},
		{"HTTP/1.1 101 " + strings.Repeat("x", maxResponse), "a head of more than"},
	} {
		answer, n, err := parseResponse([]byte(c.answer))
		if err == nil && n == len(c.answer) {
			err = answer.switches(sampleKey, []string{"chat"})
		}
		switch f := fault(""); {
		case c.want == "" && (err != nil || n != len(c.answer)):
			t.Errorf("%.60q: %v", c.answer, err)
		case c.want != "" && (!errors.As(err, &f) || !strings.Contains(string(f), c.want)):
			t.Errorf("%.60q: %v, want %q", c.answer, err, c.want)
		}
	}
}

// A head is the same whether it comes whole or in part, and what is behind it is none of
// its bytes.
func FuzzResponse(f *testing.F) {
	f.Add([]byte(goodAnswer + "behind"))
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 101\r\nA:b\r\n c\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, n, err := parseResponse(b)
		if n < 0 || n > len(b) || (n > 0) != (whole != nil && err == nil && n > 0) {
			t.Fatalf("%d of %d bytes, %v", n, len(b), err)
		}
		if n == 0 {
			return
		}
		for i := range n {
			if _, early, err := parseResponse(b[:i]); early != 0 || err != nil {
				t.Fatalf("%d bytes are a head of %d already (%v), which was one of %d", i, early, err, n)
			}
		}
		for _, h := range whole.fields {
			if !isToken(h.name) || strings.ContainsAny(h.value, "\r\n\x00") {
				t.Fatalf("a header line with the name %q and the value %q", h.name, h.value)
			}
		}
		_ = whole.switches(sampleKey, nil)
	})
}
