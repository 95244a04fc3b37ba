package frame

import (
	"strings"
	"testing"
	"unsafe"

	"github.com/framerail/framerail/internal/test/allocs"
)

// refused holds, for each rule, bytes that break it, in hex, and the trace that
// they must give.
var refused = []struct {
	rule string
	role Role
	hex  string
	want string
}{
	{"unmasked from a client", Server, "81 00", bad(errUnmasked)},
	{"unmasked ping from a client", Server, "89 00", bad(errUnmasked)},
	{"unmasked continuation from a client", Server, "01 80 00000000 80 00", "Text(" + bad(errUnmasked)},
	{"masked from a server", Client, "81 80 00000000", bad(errMasked)},
	{"masked close from a server", Client, "88 80", bad(errMasked)},
	{"RSV1", Server, "c1 80 00000000", bad(errReservedBits)},
	{"RSV2", Server, "a2 80 00000000", bad(errReservedBits)},
	{"RSV3", Client, "91 00", bad(errReservedBits)},
	{"RSV1 on a ping", Server, "c9 80 00000000", bad(errReservedBits)},
	{"RSV1 on a continuation", Client, "01 01 61 c0 01 62", "Text(61" + bad(errReservedBits)},
	{"reserved opcode", Server, "83", bad(errReservedOpcode)},
	{"reserved opcode before missing mask", Server, "83 00", bad(errReservedOpcode)},
	{"missing mask before length", Server, "89 7e", bad(errUnmasked)},
	{"fragmented control", Client, "09", bad(errFragmentedControl)},
	{"control over 125", Client, "89 7e", bad(errControlTooLong)},
	{"length not minimal in 16 bits", Client, "82 7e 007d", bad(errNonMinimalLength)},
	{"length not minimal in 16 bits, payload there", Client, "82 7e 0001 61", bad(errNonMinimalLength)},
	{"length not minimal in 16 bits, masked payload there", Server, "81 fe 0001 00000000 61", bad(errNonMinimalLength)},
	{"length not minimal in 64 bits, payload there", Client, "82 7f 0000000000000001 61", bad(errNonMinimalLength)},
	{"length not minimal in 64 bits", Server, "82 ff 000000000000ffff", bad(errNonMinimalLength)},
	{"length with the top bit", Server, "82 ff 8000000000000000", bad(errLengthTopBit)},
	{"nothing to continue", Client, "80", bad(errUnexpectedContinuation)},
	{"nothing to continue, not final", Client, "00", bad(errUnexpectedContinuation)},
	{"text inside text", Client, "01 01 61 81", "Text(61" + bad(errExpectedContinuation)},
	{"binary inside text", Client, "01 01 61 02", "Text(61" + bad(errExpectedContinuation)},
	{"over the default size limit", Client, "82 7f 0000000000040001", bad(ErrMessageTooBig)},
	{"not UTF-8", Client, "81 02 c0af", bad(ErrInvalidUTF8)},
}

func TestDecoderRefuses(t *testing.T) {
	for _, c := range refused {
		t.Run(c.rule, func(t *testing.T) {
			in := fromHex(t, c.hex)
			if got := traceOf(t, c.role, Limits{}, in, whole); got != c.want {
				t.Errorf("whole: got %s, want %s", got, c.want)
			}
			if got := traceOf(t, c.role, Limits{}, in, byteByByte); got != c.want {
				t.Errorf("byte by byte: got %s, want %s", got, c.want)
			}
		})
	}
}

func TestDecoderZeroValueIsAServerWithDefaults(t *testing.T) {
	var d Decoder
	if !d.AtRest() || d.inMessage() || d.Remaining() != 0 {
		t.Error("the zero Decoder is not at rest")
	}
	if ev, n, err := d.Next(nil); ev.Opcode != Continuation || n != 0 || err != nil {
		t.Errorf("no bytes: got %+v, %d, %v", ev, n, err)
	}
	hello := fromHex(t, "81 85 37fa213d 7f9f4d5158")
	if got, want := traceWith(t, &d, hello, whole), "Text(48656c6c6f) "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := traceWith(t, new(Decoder), []byte{0x81, 0x05}, whole), bad(errUnmasked); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	tooBig := AppendHeader(nil, Header{Fin: true, Opcode: Binary, Masked: true, PayloadLen: defaultMaxMessageSize + 1})
	if got, want := traceWith(t, new(Decoder), tooBig, whole), bad(ErrMessageTooBig); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A message of exactly the limit passes, one more byte does not, in each of the
// ways there are to decode: the fast path with both lengths, and the other.
func TestDecoderSizeLimitIsExact(t *testing.T) {
	for _, limit := range []int{1, 20, 125, 126, 1000, 65535, 65536, 70000} {
		for _, cut := range []func(int) int{whole, byteByByte} {
			limits := Limits{MaxMessageSize: int64(limit)}
			w := (&wire{role: Server}).frame(Binary, true, strings.Repeat("a", limit))
			if got, want := traceOf(t, Server, limits, w.b, cut), "Binary("+strings.Repeat("61", limit)+") "; got != want {
				t.Errorf("limit %d: a message of it is refused", limit)
			}
			w = (&wire{role: Server}).frame(Binary, true, strings.Repeat("a", limit+1))
			if got, want := traceOf(t, Server, limits, w.b, cut), bad(ErrMessageTooBig); got != want {
				t.Errorf("limit %d: a message over it gives %.40s", limit, got)
			}
		}
	}
}

func TestDecoderDefaultLimits(t *testing.T) {
	w := (&wire{role: Client}).frame(Binary, true, strings.Repeat("a", defaultMaxMessageSize))
	for _, limits := range []Limits{{}, {MaxMessageSize: -1, MaxFragments: -1}} {
		if got := traceOf(t, Client, limits, w.b, whole); strings.Contains(got, "!") {
			t.Errorf("%+v: a message of the default limit is refused", limits)
		}
	}
	// 4 MiB in 64-byte fragments, as conformance suites send it.
	var big []byte
	for i := range 4 << 20 / 64 {
		h := Header{Opcode: Continuation, Fin: i == 4<<20/64-1}
		if i == 0 {
			h.Opcode = Binary
		}
		big = AppendFrame(big, h, make([]byte, 64))
	}
	got := traceOf(t, Client, Limits{MaxMessageSize: 16 << 20}, big, whole)
	if want := "Binary(" + strings.Repeat("00", 4<<20) + ") "; got != want {
		t.Error("4 MiB in 64-byte fragments are refused")
	}
}

// Payloads are slices of what was given, except a control frame's that came in
// pieces.
func TestDecoderPayloadIsASliceOfTheInput(t *testing.T) {
	w := (&wire{role: Server}).frame(Text, true, "abcd").frame(Binary, false, "efgh").frame(Ping, true, "ping")
	b := w.b
	end := uintptr(unsafe.Pointer(unsafe.SliceData(b))) + uintptr(len(b))
	var d Decoder
	for events := range 3 {
		start := uintptr(unsafe.Pointer(unsafe.SliceData(b)))
		ev, n, err := d.Next(b)
		if err != nil {
			t.Fatal(err)
		}
		if p := uintptr(unsafe.Pointer(unsafe.SliceData(ev.Payload))); p < start || p >= end {
			t.Errorf("event %d: its payload was copied", events)
		}
		b = b[n:]
	}
}

// The bytes of a control frame that came in pieces may be gone when it is whole.
func TestDecoderControlFrameInPiecesNeedsNoOldBytes(t *testing.T) {
	w := (&wire{role: Server}).frame(Ping, true, "to be answered")
	var d Decoder
	for i, c := range w.b {
		b := []byte{c}
		ev, n, err := d.Next(b)
		if n != 1 || err != nil {
			t.Fatalf("byte %d: %d, %v", i, n, err)
		}
		b[0] = 0xDB
		if i < len(w.b)-1 {
			if ev.Opcode != Continuation {
				t.Fatalf("byte %d: %+v", i, ev)
			}
		} else if ev.Opcode != Ping || string(ev.Payload) != "to be answered" {
			t.Fatalf("got %v %q", ev.Opcode, ev.Payload)
		}
	}
}

// The way a large message is read: the header, then payload of any piece.
func TestDecoderRemaining(t *testing.T) {
	w := (&wire{role: Server}).frame(Binary, false, strings.Repeat("a", 100)).frame(Ping, true, "p").frame(Continuation, true, "bcd")
	var d Decoder
	step := func(size int, remaining int64, inMessage bool) {
		t.Helper()
		ev, n, err := d.Next(w.b[:size])
		if n != size || err != nil {
			t.Fatalf("got %+v, %d, %v", ev, n, err)
		}
		w.b = w.b[size:]
		if d.Remaining() != remaining || d.inMessage() != inMessage || d.AtRest() {
			t.Fatalf("Remaining %d, inMessage %v, AtRest %v", d.Remaining(), d.inMessage(), d.AtRest())
		}
	}
	step(1, 0, false) // half a header
	step(5, 100, true)
	step(30, 70, true)
	step(70, 0, true)
	step(6, 0, true) // the ping's header: its payload is not the message's
	step(1, 0, true)
	step(6, 3, true)
	step(2, 1, true)
	ev, n, err := d.Next(w.b)
	if n != 1 || err != nil || !ev.Last || !d.AtRest() || d.inMessage() || d.Remaining() != 0 {
		t.Fatalf("at the end: %+v, %d, %v, AtRest %v", ev, n, err, d.AtRest())
	}
}

// A header alone tells no type: the first event comes with the first byte, so
// that bad text at that byte gives no event, whole or cut.
func TestDecoderHeaderAloneIsNoEvent(t *testing.T) {
	var d Decoder
	ev, n, err := d.Next(fromHex(t, "81 81 00000000"))
	if ev.Opcode != Continuation || n != 6 || err != nil || d.Remaining() != 1 || !d.inMessage() {
		t.Errorf("got %+v, %d, %v", ev, n, err)
	}
}

// RFC 7692 6: the seam for compression. RSV1 once negotiated may stand on the
// first frame of a data message and nowhere else.
func TestDecoderNegotiatedRSV1(t *testing.T) {
	for _, c := range []struct {
		hex  string
		want string
	}{
		{"c2 01 61", "Binary(61) "},
		{"42 01 61 80 01 62", "Binary(6162) "},
		{"42 01 61 c0 01 62", "Binary(61" + bad(errReservedBits)},
		{"c9 00", bad(errReservedBits)},
		{"a2 00", bad(errReservedBits)},
		{"f2 00", bad(errReservedBits)},
	} {
		var d Decoder
		d.Reset(Client, Limits{})
		d.AllowRSV1(true)
		if got := traceWith(t, &d, fromHex(t, c.hex), whole); got != c.want {
			t.Errorf("%s: got %s, want %s", c.hex, got, c.want)
		}
	}
}

// RFC 6455 5.4 lets frames of any number be empty: they cost no event.
func TestDecoderEmptyFragmentsGiveNoEvent(t *testing.T) {
	w := (&wire{role: Server}).frame(Text, false, "")
	for range 100 {
		w.frame(Continuation, false, "")
	}
	w.frame(Continuation, true, "")
	var d Decoder
	first, n, err := d.Next(w.b)
	if err != nil || first.Opcode != Text || !first.First || first.Last || len(first.Payload) != 0 {
		t.Fatalf("first: %+v, %v", first, err)
	}
	last, m, err := d.Next(w.b[n:])
	if err != nil || last.Opcode != Text || last.First || !last.Last || len(last.Payload) != 0 || n+m != len(w.b) {
		t.Fatalf("last: %+v, %v, %d of %d bytes", last, err, n+m, len(w.b))
	}
}

// Every shape of valid input, and every error, whole and byte by byte.
func TestDecoderAllocatesNothing(t *testing.T) {
	for _, s := range sessions {
		for _, role := range []Role{Server, Client} {
			in := s.bytes(role)
			buf := make([]byte, len(in))
			var d Decoder
			for _, size := range []int{len(in), 1, 3} {
				n := allocs.PerRun(20, func() {
					copy(buf, in)
					d.Reset(role, s.limits)
					for b := buf; len(b) > 0; {
						piece := b[:min(size, len(b))]
						b = b[len(piece):]
						for len(piece) > 0 {
							_, n, err := d.Next(piece)
							if err != nil {
								return
							}
							piece = piece[n:]
						}
					}
				})
				if n != 0 {
					t.Errorf("%s, %v, %d bytes at a time: %v allocations", s.name, role, size, n)
				}
			}
		}
	}
}

// What a connection in mid-message has to keep. It grows with intent only.
func TestDecoderIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(Decoder{}); size > 208 {
		t.Errorf("a Decoder has %d bytes", size)
	}
}

// The fast path and the other give the same for every one-frame message: the
// latter is reached by a Decoder whose header came in two parts.
func TestDecoderFastPathIsTheLongWay(t *testing.T) {
	for _, role := range []Role{Server, Client} {
		for _, op := range []Opcode{Text, Binary} {
			for _, size := range []int{0, 1, 2, 3, 4, 7, 8, 9, 20, 124, 125, 126, 127, 255, 256, 1000, 65535} {
				for _, unit := range []string{"a", "é", "\xff", "a\x80"} {
					payload := strings.Repeat(unit, size)[:size]
					w := (&wire{role: role}).frame(op, true, payload).frame(op, true, payload)
					fast := traceOf(t, role, Limits{}, w.b, whole)
					slow := traceOf(t, role, Limits{}, w.b, cutAt(1))
					if fast != slow {
						t.Fatalf("%v, %v, %d of %q: %.60s and %.60s", role, op, size, unit, fast, slow)
					}
				}
			}
		}
	}
}
