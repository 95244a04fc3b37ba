package frame

import (
	"bytes"
	"encoding/hex"
	"math"
	"strings"
	"testing"

	"github.com/framerail/framerail/mask"
)

// fromHex reads hex with spaces.
func fromHex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var headers = []struct {
	rule string
	hex  string
	want Header
}{
	{"text", "81 05", Header{Fin: true, Opcode: Text, PayloadLen: 5}},
	{"text masked", "81 85 37fa213d", Header{Fin: true, Opcode: Text, PayloadLen: 5, Masked: true, MaskingKey: 0x3d21fa37}},
	{"first fragment", "01 03", Header{Opcode: Text, PayloadLen: 3}},
	{"last fragment", "80 02", Header{Fin: true, PayloadLen: 2}},
	{"empty continuation", "00 00", Header{}},
	{"binary", "82 7d", Header{Fin: true, Opcode: Binary, PayloadLen: 125}},
	{"16 bits, least", "82 7e 007e", Header{Fin: true, Opcode: Binary, PayloadLen: 126}},
	{"16 bits, most", "82 7e ffff", Header{Fin: true, Opcode: Binary, PayloadLen: 65535}},
	{"16 bits masked", "82 fe 0100 01020304", Header{Fin: true, Opcode: Binary, PayloadLen: 256, Masked: true, MaskingKey: 0x04030201}},
	{"64 bits, least", "82 7f 0000000000010000", Header{Fin: true, Opcode: Binary, PayloadLen: 65536}},
	{"64 bits, 2^31", "82 7f 0000000080000000", Header{Fin: true, Opcode: Binary, PayloadLen: 1 << 31}},
	{"64 bits, 2^32", "82 7f 0000000100000000", Header{Fin: true, Opcode: Binary, PayloadLen: 1 << 32}},
	{"64 bits, most", "82 7f 7fffffffffffffff", Header{Fin: true, Opcode: Binary, PayloadLen: math.MaxInt64}},
	{"64 bits masked", "02 ff 0000000000010000 01020304", Header{Opcode: Binary, PayloadLen: 65536, Masked: true, MaskingKey: 0x04030201}},
	{"rsv1", "c1 00", Header{Fin: true, RSV1: true, Opcode: Text}},
	{"rsv2", "a1 00", Header{Fin: true, RSV2: true, Opcode: Text}},
	{"rsv3", "91 00", Header{Fin: true, RSV3: true, Opcode: Text}},
	{"close", "88 00", Header{Fin: true, Opcode: Close}},
	{"ping of 125", "89 7d", Header{Fin: true, Opcode: Ping, PayloadLen: 125}},
	{"pong masked", "8a 80 00000000", Header{Fin: true, Opcode: Pong, Masked: true}},
}

func TestDecodeHeader(t *testing.T) {
	for _, c := range headers {
		t.Run(c.rule, func(t *testing.T) {
			b := fromHex(t, c.hex)
			for short := range b {
				if h, n, err := DecodeHeader(b[:short]); n != 0 || err != nil || h != (Header{}) {
					t.Errorf("%d bytes: got %+v, %d, %v", short, h, n, err)
				}
			}
			for _, behind := range []string{"", "\x00", "payload and more"} {
				h, n, err := DecodeHeader(append(b[:len(b):len(b)], behind...))
				if h != c.want || n != len(b) || err != nil {
					t.Errorf("got %+v, %d, %v", h, n, err)
				}
			}
			if len(b) > MaxHeaderLen {
				t.Errorf("%d bytes are over MaxHeaderLen", len(b))
			}
		})
	}
}

func TestAppendHeader(t *testing.T) {
	for _, c := range headers {
		t.Run(c.rule, func(t *testing.T) {
			want := append([]byte("before"), fromHex(t, c.hex)...)
			if got := AppendHeader([]byte("before"), c.want); !bytes.Equal(got, want) {
				t.Errorf("got % x, want % x", got, want)
			}
		})
	}
}

// Each rule that a header can break by itself, and at which byte it is known.
func TestDecodeHeaderRefuses(t *testing.T) {
	for _, c := range []struct {
		rule string
		hex  string
		at   int // bytes needed to know
		want error
	}{
		{"opcode 3", "83 00", 1, errReservedOpcode},
		{"opcode 4", "84 00", 1, errReservedOpcode},
		{"opcode 5", "05 00", 1, errReservedOpcode},
		{"opcode 6", "06 00", 1, errReservedOpcode},
		{"opcode 7", "87 00", 1, errReservedOpcode},
		{"opcode 11", "8b 00", 1, errReservedOpcode},
		{"opcode 12", "8c 00", 1, errReservedOpcode},
		{"opcode 13", "8d 00", 1, errReservedOpcode},
		{"opcode 14", "0e 00", 1, errReservedOpcode},
		{"opcode 15", "8f 00", 1, errReservedOpcode},
		{"close not final", "08 00", 1, errFragmentedControl},
		{"ping not final", "09 00", 1, errFragmentedControl},
		{"pong not final", "0a 00", 1, errFragmentedControl},
		{"close of 126", "88 7e 007e", 2, errControlTooLong},
		{"ping in 16 bits", "89 fe 0001", 2, errControlTooLong},
		{"pong in 64 bits", "8a ff 0000000000000001", 2, errControlTooLong},
		{"0 in 16 bits", "82 7e 0000", 4, errNonMinimalLength},
		{"125 in 16 bits", "82 7e 007d", 4, errNonMinimalLength},
		{"125 in 16 bits, masked", "82 fe 007d 01020304", 4, errNonMinimalLength},
		{"0 in 64 bits", "82 7f 0000000000000000", 10, errNonMinimalLength},
		{"125 in 64 bits", "82 7f 000000000000007d", 10, errNonMinimalLength},
		{"65535 in 64 bits", "82 7f 000000000000ffff", 10, errNonMinimalLength},
		{"2^63", "82 7f 8000000000000000", 10, errLengthTopBit},
		{"2^63, masked", "82 ff 8000000000000000 01020304", 10, errLengthTopBit},
		{"2^64-1", "82 7f ffffffffffffffff", 10, errLengthTopBit},
	} {
		t.Run(c.rule, func(t *testing.T) {
			b := fromHex(t, c.hex)
			for size := range len(b) + 1 {
				h, n, err := DecodeHeader(b[:size])
				if n != 0 || h != (Header{}) {
					t.Errorf("%d bytes: got %+v, %d", size, h, n)
				}
				if size < c.at && err != nil || size >= c.at && err != c.want {
					t.Errorf("%d bytes: got error %v", size, err)
				}
			}
		})
	}
}

func FuzzDecodeHeader(f *testing.F) {
	for _, c := range headers {
		f.Add(fromHex(f, c.hex))
	}
	for _, s := range []string{"83 00", "09 00", "89 7e 007e", "82 7e 007d", "82 7f 000000000000ffff", "82 7f ffffffffffffffff"} {
		f.Add(fromHex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, n, err := DecodeHeader(b)
		checkHeaderAsTheOracle(t, b, h, n, err)
		if err != nil {
			if _, ok := err.(*Error); !ok || n != 0 || h != (Header{}) {
				t.Fatalf("% x: %+v, %d, %v", b, h, n, err)
			}
			// More bytes make it no better.
			if _, n, again := DecodeHeader(append(b[:len(b):len(b)], make([]byte, MaxHeaderLen)...)); n != 0 || again != err {
				t.Fatalf("% x: %v becomes %v", b, err, again)
			}
			return
		}
		if n == 0 {
			if len(b) >= MaxHeaderLen {
				t.Fatalf("% x: %d bytes are not enough", b, len(b))
			}
			return
		}
		if h.PayloadLen < 0 || h.Opcode.isReserved() {
			t.Fatalf("% x: accepted as %+v", b, h)
		}
		if h.Opcode.IsControl() && (!h.Fin || h.PayloadLen > MaxControlPayload) {
			t.Fatalf("% x: accepted as %+v", b, h)
		}
		// One header has one form.
		if again := AppendHeader(nil, h); !bytes.Equal(again, b[:n]) {
			t.Fatalf("% x comes back as % x", b[:n], again)
		}
		// No byte of it is too many.
		if _, n, err := DecodeHeader(b[:n-1]); n != 0 || err != nil {
			t.Fatalf("% x: whole without its last byte: %d, %v", b, n, err)
		}
	})
}

// checkHeaderAsTheOracle compares a verdict of DecodeHeader with the oracle's, which
// has to be told what only a Decoder knows: no RSV bits, and so on.
func checkHeaderAsTheOracle(t *testing.T, b []byte, h Header, n int, err error) {
	t.Helper()
	if len(b) == 0 {
		if n != 0 || err != nil {
			t.Fatalf("empty: %d, %v", n, err)
		}
		return
	}
	plain := bytes.Clone(b)
	plain[0] &^= 0x70
	masked := len(b) > 1 && b[1]&0x80 != 0
	want, fault := plainDecodeHeader(plain, masked, b[0]&15 == 0)
	if fault != nil {
		if err != fault {
			t.Fatalf("% x: %v, want %v", b, err, fault)
		}
		return
	}
	if err != nil || n != want.size {
		t.Fatalf("% x: %d, %v, want %d", b, n, err, want.size)
	}
	if n > 0 && (h.Fin != want.fin || h.Opcode != want.opcode || h.PayloadLen != want.length.Int64() ||
		h.Masked != masked || h.MaskingKey.Bytes() != want.key) {
		t.Fatalf("% x: %+v", b, h)
	}
}

func BenchmarkDecodeHeader(b *testing.B) {
	for _, c := range []struct {
		name string
		size int64
	}{{"7", 20}, {"64", 100000}} {
		b.Run("bits="+c.name, func(b *testing.B) {
			in := AppendHeader(nil, Header{Fin: true, Opcode: Binary, Masked: true, MaskingKey: mask.Key(7), PayloadLen: c.size})
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				if h, n, err := DecodeHeader(in); n != len(in) || h.PayloadLen != c.size || err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
