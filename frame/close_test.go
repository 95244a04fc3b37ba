package frame

import (
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseClose(t *testing.T) {
	for _, c := range []struct {
		rule    string
		payload string
		code    CloseCode
		reason  string
		err     error
	}{
		{"empty is 1005", "", NoStatusReceived, "", nil},
		{"one byte", "\x03", 0, "", errCloseLength},
		{"code alone", "\x03\xe8", NormalClosure, "", nil},
		{"code and reason", "\x03\xe9so long", GoingAway, "so long", nil},
		{"reason in UTF-8", "\x0f\xa0grün €😀", 4000, "grün €😀", nil},
		{"longest reason", "\x03\xe8" + strings.Repeat("a", 123), NormalClosure, strings.Repeat("a", 123), nil},
		{"code 0", "\x00\x00", 0, "", errCloseCode},
		{"code 1005", "\x03\xed", 0, "", errCloseCode},
		{"code 65535", "\xff\xff", 0, "", errCloseCode},
		{"reason not UTF-8", "\x03\xe8\xff", 0, "", errCloseReasonUTF8},
		{"reason cut within a sequence", "\x03\xe8\xe2\x82", 0, "", errCloseReasonUTF8},
		{"bad code before bad reason", "\x00\x01\xff", 0, "", errCloseCode},
	} {
		t.Run(c.rule, func(t *testing.T) {
			payload := []byte(c.payload)
			code, reason, err := ParseClose(payload)
			if code != c.code || string(reason) != c.reason || err != c.err {
				t.Errorf("got %v, %q, %v", code, reason, err)
			}
			if err != nil && reason != nil {
				t.Error("a reason beside an error")
			}
		})
	}
}

// Every code that can stand in the two bytes.
func TestParseCloseCodes(t *testing.T) {
	for n := range 1 << 16 {
		payload := binary.BigEndian.AppendUint16(nil, uint16(n))
		code, _, err := ParseClose(payload)
		if CloseCode(n).onWire() {
			if code != CloseCode(n) || err != nil {
				t.Fatalf("%d: got %v, %v", n, code, err)
			}
		} else if code != 0 || err != errCloseCode {
			t.Fatalf("%d: got %v, %v", n, code, err)
		}
	}
}

func TestAppendClose(t *testing.T) {
	const before = "before"
	for _, c := range []struct {
		rule   string
		code   CloseCode
		reason string
		want   string
		err    error
	}{
		{"no code", 0, "", "", nil},
		{"1005 is no code", NoStatusReceived, "", "", nil},
		{"code alone", NormalClosure, "", "\x03\xe8", nil},
		{"code and reason", GoingAway, "bye", "\x03\xe9bye", nil},
		{"longest reason", 4999, strings.Repeat("é", 61) + "a", "\x13\x87" + strings.Repeat("é", 61) + "a", nil},
		{"reason over 123 bytes", NormalClosure, strings.Repeat("a", 124), "", errSendCloseReasonLong},
		{"reason not UTF-8", NormalClosure, "\xff", "", errSendCloseReasonUTF8},
		{"reason without a code", 0, "bye", "", errSendCloseNoCode},
		{"reason with 1005", NoStatusReceived, "bye", "", errSendCloseNoCode},
		{"1006", AbnormalClosure, "", "", errSendCloseCode},
		{"1015", TLSHandshake, "", "", errSendCloseCode},
		{"2999", 2999, "", "", errSendCloseCode},
		{"5000", 5000, "", "", errSendCloseCode},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got, err := AppendClose([]byte(before), c.code, c.reason)
			if err != c.err || string(got) != before+c.want {
				t.Errorf("got %q, %v", got, err)
			}
			var usage *usageError
			if err != nil && !errors.As(err, &usage) {
				t.Errorf("%T is not the caller's error", err)
			}
		})
	}
}

func TestAppendCloseRefusesWhatParseCloseRefuses(t *testing.T) {
	for n := 1; n < 1<<16; n++ {
		code := CloseCode(n)
		payload, err := AppendClose(nil, code, "")
		if code == NoStatusReceived {
			continue
		}
		if (err == nil) != code.onWire() {
			t.Fatalf("%d: %v", n, err)
		}
		if err != nil {
			continue
		}
		if back, _, err := ParseClose(payload); back != code || err != nil {
			t.Fatalf("%d: comes back as %v, %v", n, back, err)
		}
	}
}

func FuzzParseClose(f *testing.F) {
	for _, s := range []string{"", "\x03", "\x03\xe8", "\x03\xe9bye", "\x03\xed", "\x03\xe8\xff", "\x0b\xb8\xe2\x82"} {
		f.Add([]byte(s))
	}
	for code := NormalClosure - 1; code <= TLSHandshake+1; code++ {
		f.Add(append(binary.BigEndian.AppendUint16(nil, uint16(code)), "why"...))
	}
	f.Add(append([]byte{0x03, 0xe8}, make([]byte, maxCloseReason+1)...))
	f.Fuzz(func(t *testing.T, payload []byte) {
		checkSameVerdict(t, payload)
		code, reason, err := ParseClose(payload)
		switch {
		case len(payload) == 0:
			if code != NoStatusReceived || err != nil {
				t.Fatalf("empty: %v, %v", code, err)
			}
		case err == nil:
			if !code.onWire() || !utf8.Valid(reason) {
				t.Fatalf("%q accepted", payload)
			}
		case err == errCloseLength:
			if len(payload) != 1 {
				t.Fatalf("%q: %v", payload, err)
			}
		case err == errCloseCode:
			if CloseCode(binary.BigEndian.Uint16(payload)).onWire() {
				t.Fatalf("%q: %v", payload, err)
			}
		case err == errCloseReasonUTF8:
			if utf8.Valid(payload[2:]) {
				t.Fatalf("%q: %v", payload, err)
			}
		default:
			t.Fatalf("%q: unknown error %v", payload, err)
		}
	})
}

// checkSameVerdict checks that AppendClose writes what ParseClose would take, as
// far as it fits a control frame, and nothing else.
func checkSameVerdict(t *testing.T, payload []byte) {
	if len(payload) < 2 {
		return
	}
	want, reason := CloseCode(binary.BigEndian.Uint16(payload)), string(payload[2:])
	if s := want.String(); !strings.HasPrefix(s, strconv.Itoa(int(want))) {
		t.Fatalf("%d is called %q", uint16(want), s)
	}
	code, _, broken := ParseClose(payload)
	again, err := AppendClose(nil, want, reason)
	var usage *usageError
	switch {
	case want == 0 || want == NoStatusReceived:
		if (err == nil) != (reason == "") || len(again) != 0 {
			t.Fatalf("%v with %q: %q, %v", want, reason, again, err)
		}
	case err == nil:
		if broken != nil || code != want || string(again) != string(payload) {
			t.Fatalf("%q is written, but read as %v, %v", again, code, broken)
		}
	case !errors.As(err, &usage) || usage.Error() == "" || len(again) != 0:
		t.Fatalf("%v with %q: %q, %T", want, reason, again, err)
	case broken == nil && err != errSendCloseReasonLong:
		t.Fatalf("%q is read, but not written: %v", payload, err)
	}
}
