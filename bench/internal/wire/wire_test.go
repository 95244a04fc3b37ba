package wire

import (
	"bytes"
	"encoding/hex"
	"testing"
	"unicode/utf8"
)

// RFC 6455 5.7 has these as its examples.
func TestAppendFrameMatchesRFC(t *testing.T) {
	maskingKey := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	if got := hex.EncodeToString(AppendFrame(nil, true, Text, maskingKey, []byte("Hello"))); got != "818537fa213d7f9f4d5158" {
		t.Errorf("masked text: %s", got)
	}
	if got := hex.EncodeToString(accept); got != hex.EncodeToString([]byte("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")) {
		t.Errorf("accept: %s", got)
	}
}

func TestAppendFrameUsesTheShortestLength(t *testing.T) {
	for size, header := range map[int]string{
		0: "8280", 125: "82fd", 126: "82fe007e", 0xffff: "82feffff", 0x10000: "82ff0000000000010000",
	} {
		frame := AppendFrame(nil, true, Binary, [4]byte{}, make([]byte, size))
		if got := hex.EncodeToString(frame[:len(frame)-4-size]); got != header {
			t.Errorf("%d bytes: header %s, want %s", size, got, header)
		}
	}
}

func TestEchoTakesAnyCut(t *testing.T) {
	payload := Payload(300, 1)
	whole := append([]byte{fin | Text, 126, 1, 44}, payload...)
	fragments := append([]byte{Text, 100}, payload[:100]...)
	fragments = append(fragments, Continuation, 0)
	fragments = append(fragments, fin|Continuation, 126, 0, 200)
	fragments = append(fragments, payload[100:]...)
	for _, input := range [][]byte{whole, fragments} {
		for cut := range input {
			var e Echo
			e.Expect(Text, payload)
			if done, err := e.Feed(input[:cut]); done || err != nil {
				t.Fatalf("cut at %d: done %v, %v", cut, done, err)
			}
			if done, err := e.Feed(input[cut:]); !done || err != nil {
				t.Fatalf("behind %d: done %v, %v", cut, done, err)
			}
		}
	}
}

func TestEchoRefusesAnythingElse(t *testing.T) {
	for name, input := range map[string][]byte{
		"other_bytes":   {fin | Text, 3, 'a', 'b', 'x'},
		"too_short":     {fin | Text, 2, 'a', 'b'},
		"too_long":      {fin | Text, 4, 'a', 'b', 'c', 'd'},
		"other_type":    {fin | Binary, 3, 'a', 'b', 'c'},
		"masked":        {fin | Text, masked | 3, 0, 0, 0, 0, 'a', 'b', 'c'},
		"bytes_behind":  {fin | Text, 3, 'a', 'b', 'c', 0},
		"reserved_bit":  {fin | 0x40 | Text, 3, 'a', 'b', 'c'},
		"not_continued": {Text, 1, 'a', fin | Text, 2, 'b', 'c'},
	} {
		t.Run(name, func(t *testing.T) {
			var e Echo
			e.Expect(Text, []byte("abc"))
			if done, err := e.Feed(input); err == nil {
				t.Errorf("accepted, done %v", done)
			}
		})
	}
}

func TestEchoOfNothing(t *testing.T) {
	var e Echo
	e.Expect(Binary, nil)
	if done, err := e.Feed([]byte{fin | Binary, 0}); !done || err != nil {
		t.Errorf("done %v, %v", done, err)
	}
}

func TestEchoLeavesTheNext(t *testing.T) {
	var e Echo
	e.Expect(Text, []byte("abc"))
	rest, done, err := e.Take([]byte{fin | Text, 3, 'a', 'b', 'c', fin | Text, 1})
	if err != nil || !done || !bytes.Equal(rest, []byte{fin | Text, 1}) {
		t.Errorf("%v, done %v, %v", rest, done, err)
	}
}

func TestCheckResponse(t *testing.T) {
	good := append([]byte("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: "), accept...)
	if _, done, err := CheckResponse(good); done || err != nil {
		t.Errorf("half of it: done %v, %v", done, err)
	}
	if rest, done, err := CheckResponse(append(good, "\r\n\r\nx"...)); !done || err != nil || string(rest) != "x" {
		t.Errorf("all of it: rest %q, done %v, %v", rest, done, err)
	}
	if _, _, err := CheckResponse([]byte("HTTP/1.1 101 Switching Protocols\r\n\r\n")); err == nil {
		t.Error("took an answer without Sec-WebSocket-Accept")
	}
}

func TestCyrillicIsTextOfItsLength(t *testing.T) {
	for n := range 100 {
		if p := Cyrillic(n, 1); len(p) != n || !utf8.Valid(p) {
			t.Errorf("%d bytes: %q", n, p)
		}
	}
}

func TestPayloadsDiffer(t *testing.T) {
	if bytes.Equal(Payload(1, 1), Payload(1, 2)) {
		t.Error("payloads of two seeds are the same")
	}
}
