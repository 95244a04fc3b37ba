package mask

import (
	"bytes"
	"strings"
	"testing"

	"github.com/framerail/framerail/internal/test/allocs"
)

// oracle is RFC 6455 5.3 to the letter, one byte at a time.
func oracle(b []byte, key [4]byte, offset int) {
	for i := range b {
		b[i] ^= key[(offset+i)%4]
	}
}

var testKey = [4]byte{0x37, 0xfa, 0x21, 0x3d}

// The whole buffer is compared, so that this also shows that no byte before or
// behind the payload changes.
func TestXORAsByteLoop(t *testing.T) { eachPath(t, testXORAsByteLoop) }

func testXORAsByteLoop(t *testing.T) {
	const room = 64 + 300 + 64
	plain := make([]byte, room)
	for i := range plain {
		plain[i] = byte(i*7 + i>>3)
	}
	got, want := make([]byte, room), make([]byte, room)
	for length := range 301 {
		for offset := range 4 {
			for align := range 64 {
				copy(got, plain)
				copy(want, plain)
				XOR(got[align:align+length], KeyFromBytes(testKey).Rotate(offset))
				oracle(want[align:align+length], testKey, offset)
				if !bytes.Equal(got, want) {
					t.Fatalf("length %d, key offset %d, alignment %d: differs from the byte loop", length, offset, align)
				}
			}
		}
	}
}

// The slice's capacity is not its payload: what lies behind the length belongs
// to the next frame.
func TestXORLeavesTheCapacityAlone(t *testing.T) { eachPath(t, testXORLeavesTheCapacityAlone) }

func testXORLeavesTheCapacityAlone(t *testing.T) {
	for length := range 301 {
		buf := make([]byte, length+64)
		XOR(buf[:length], KeyFromBytes(testKey))
		if i := bytes.IndexFunc(buf[length:], func(r rune) bool { return r != 0 }); i >= 0 {
			t.Fatalf("length %d: byte %d behind the payload changed", length, i)
		}
	}
}

func TestXORInPieces(t *testing.T) { eachPath(t, testXORInPieces) }

func testXORInPieces(t *testing.T) {
	const length = 300
	want := make([]byte, length)
	oracle(want, testKey, 0)
	got := make([]byte, length)
	for first := range length + 1 {
		for second := range length - first + 1 {
			clear(got)
			k := KeyFromBytes(testKey)
			XOR(got[:first], k)
			k = k.Rotate(first)
			XOR(got[first:first+second], k)
			k = k.Rotate(second)
			XOR(got[first+second:], k)
			if !bytes.Equal(got, want) {
				t.Fatalf("cut at %d and %d: got % x, want % x", first, first+second, got, want)
			}
		}
	}
}

// Sizes up to 300 do not show what is done for long payloads alone.
func TestXORInLongPieces(t *testing.T) { eachPath(t, testXORInLongPieces) }

func testXORInLongPieces(t *testing.T) {
	for _, piece := range []int{4<<10 + 1, 64<<10 + 3, 1<<20 - 1, 1 << 20, 1<<20 + 1, 1<<20 + 2, 1<<20 + 3} {
		want := make([]byte, 3*piece)
		oracle(want, testKey, 0)
		got, k := make([]byte, len(want)), KeyFromBytes(testKey)
		for at := 0; at < len(got); at += piece {
			XOR(got[at:at+piece], k)
			k = k.Rotate(piece)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("pieces of %d bytes: differs from the byte loop", piece)
		}
	}
}

func TestXORTwiceIsThePayload(t *testing.T) { eachPath(t, testXORTwiceIsThePayload) }

func testXORTwiceIsThePayload(t *testing.T) {
	b := []byte(strings.Repeat("RFC 6455 5.3: masking and unmasking are one. ", 5))
	plain := bytes.Clone(b)
	XOR(b, KeyFromBytes(testKey))
	if bytes.Equal(b, plain) {
		t.Fatal("the payload did not change")
	}
	XOR(b, KeyFromBytes(testKey))
	if !bytes.Equal(b, plain) {
		t.Fatalf("got %q, want %q", b, plain)
	}
}

func TestXORAllocatesNothing(t *testing.T) { eachPath(t, testXORAllocatesNothing) }

func testXORAllocatesNothing(t *testing.T) {
	b := make([]byte, 300)
	for length := range len(b) {
		if n := allocs.PerRun(10, func() { XOR(b[:length], 7) }); n != 0 {
			t.Fatalf("length %d: %v allocations", length, n)
		}
	}
}

func FuzzXOR(f *testing.F) {
	f.Add([]byte("Hello"), uint32(0x3d21fa37), 0, 2)
	f.Add(bytes.Repeat([]byte{0xff}, 131), uint32(1), 3, 64)
	f.Add([]byte{}, uint32(0), 0, 0)
	f.Fuzz(func(t *testing.T, payload []byte, key uint32, offset, cut int) {
		k := Key(key).Rotate(offset)
		want := bytes.Clone(payload)
		oracle(want, k.Bytes(), 0)

		got := bytes.Clone(payload)
		cut = int(uint(cut) % uint(len(got)+1))
		XOR(got[:cut], k)
		XOR(got[cut:], k.Rotate(cut))
		if !bytes.Equal(got, want) {
			t.Fatalf("cut at %d: got % x, want % x", cut, got, want)
		}
	})
}
