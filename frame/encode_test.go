package frame

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/framerail/framerail/internal/test/allocs"
	"github.com/framerail/framerail/mask"
)

// The examples of RFC 6455 5.7.
func TestAppendFrame(t *testing.T) {
	key := mask.KeyFromBytes([4]byte{0x37, 0xfa, 0x21, 0x3d})
	for _, c := range []struct {
		rule    string
		h       Header
		payload string
		want    string
	}{
		{"unmasked text", Header{Fin: true, Opcode: Text}, "Hello", "81 05 48656c6c6f"},
		{"masked text", Header{Fin: true, Opcode: Text, Masked: true, MaskingKey: key}, "Hello", "81 85 37fa213d 7f9f4d5158"},
		{"first fragment", Header{Opcode: Text}, "Hel", "01 03 48656c"},
		{"last fragment", Header{Fin: true, Opcode: Continuation}, "lo", "80 02 6c6f"},
		{"ping", Header{Fin: true, Opcode: Ping}, "Hello", "89 05 48656c6c6f"},
		{"masked pong", Header{Fin: true, Opcode: Pong, Masked: true, MaskingKey: key}, "Hello", "8a 85 37fa213d 7f9f4d5158"},
		{"empty", Header{Fin: true, Opcode: Binary}, "", "82 00"},
		{"PayloadLen is the payload's", Header{Fin: true, Opcode: Binary, PayloadLen: 77}, "a", "82 01 61"},
		{"256 bytes", Header{Fin: true, Opcode: Binary}, strings.Repeat("a", 256), "82 7e 0100" + strings.Repeat("61", 256)},
		{"64 KiB", Header{Fin: true, Opcode: Binary}, strings.Repeat("a", 65536), "82 7f 0000000000010000" + strings.Repeat("61", 65536)},
	} {
		t.Run(c.rule, func(t *testing.T) {
			payload := []byte(c.payload)
			got := AppendFrame([]byte("before"), c.h, payload)
			if want := append([]byte("before"), fromHex(t, c.want)...); !bytes.Equal(got, want) {
				t.Errorf("got % .32x, want % .32x", got, want)
			}
			if string(payload) != c.payload {
				t.Error("the caller's payload is changed")
			}
		})
	}
}

func TestAppendHeaderOfNegativeLengthPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	AppendHeader(nil, Header{PayloadLen: -1})
}

// Bits above an opcode's four are not bits of the first byte.
func TestAppendHeaderKeepsToTheOpcodesBits(t *testing.T) {
	if got := AppendHeader(nil, Header{Opcode: 0xf2}); !bytes.Equal(got, []byte{0x02, 0}) {
		t.Errorf("got % x", got)
	}
}

func TestAppendAllocatesNothingWhereThereIsRoom(t *testing.T) {
	buf := make([]byte, 0, 70000)
	payload := make([]byte, 66000)
	for _, c := range headers {
		if n := allocs.PerRun(100, func() { AppendHeader(buf, c.want) }); n != 0 {
			t.Errorf("AppendHeader, %s: %v allocations", c.rule, n)
		}
		size := min(int64(len(payload)), c.want.PayloadLen)
		if n := allocs.PerRun(10, func() { AppendFrame(buf, c.want, payload[:size]) }); n != 0 {
			t.Errorf("AppendFrame, %s: %v allocations", c.rule, n)
		}
	}
	if n := allocs.PerRun(100, func() { _, _ = AppendClose(buf, NormalClosure, "bye") }); n != 0 {
		t.Errorf("AppendClose: %v allocations", n)
	}
}

func BenchmarkAppendFrame(b *testing.B) {
	for _, masked := range []bool{false, true} {
		for _, size := range []int{20, 16 << 10} {
			b.Run(fmt.Sprintf("masked=%v/size=%d", masked, size), func(b *testing.B) {
				dst := make([]byte, 0, MaxHeaderLen+size)
				payload := make([]byte, size)
				h := Header{Fin: true, Opcode: Binary, Masked: masked, MaskingKey: 0x3d21fa37}
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					dst = AppendFrame(dst[:0], h, payload)
				}
			})
		}
	}
}
