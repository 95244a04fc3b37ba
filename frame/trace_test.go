package frame

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/framerail/framerail/mask"
)

// A trace is what a Decoder made of some bytes, written so that two of them are
// equal exactly if they have the same messages, of the same types and bytes, the
// same control frames between the same bytes, and the same error at the end:
//
//	Text(48656c<Ping 01>6c6f) Binary() !errUnmasked's rule
//
// traceOf decodes in, cut into pieces by cut, which gets the number of bytes left
// and returns how many come next. It checks on the way what Next promises.
func traceOf(t testing.TB, role Role, limits Limits, in []byte, cut func(left int) int) string {
	t.Helper()
	var d Decoder
	d.Reset(role, limits)
	return traceWith(t, &d, in, cut)
}

func traceWith(t testing.TB, d *Decoder, in []byte, cut func(left int) int) string {
	t.Helper()
	in = bytes.Clone(in)
	var out, message []byte
	var a Assembler
	inMessage := false
	for len(in) > 0 {
		size := cut(len(in))
		b := in[:size:size]
		in = in[size:]
		for len(b) > 0 {
			remaining := d.Remaining()
			ev, n, err := d.Next(b)
			if err != nil {
				checkSticky(t, d, n, err)
				return string(append(append(out, '!'), err.Error()...))
			}
			checkEvent(t, ev, n, len(b), inMessage)
			if d.stage != stageFailed && remaining > 0 && remaining-int64(n) != d.Remaining() {
				t.Fatalf("Remaining was %d, %d bytes were read, now it is %d", remaining, n, d.Remaining())
			}
			b = b[n:]
			if !ev.Opcode.IsControl() {
				message = append(message, ev.Payload...)
			}
			switch msg, complete := a.Add(ev); {
			case complete != ev.Last:
				t.Fatal("the Assembler sees another end of the message")
			case complete && msg.Opcode.isData():
				if msg.Opcode != ev.Opcode || !bytes.Equal(msg.Payload, message) {
					t.Fatalf("assembled: %v %.100x, want %v %.100x", msg.Opcode, msg.Payload, ev.Opcode, message)
				}
				message = message[:0]
			}
			switch {
			case ev.Opcode == Continuation:
			case ev.Opcode.IsControl():
				out = fmt.Appendf(out, "<%v %x>", ev.Opcode, ev.Payload)
			default:
				if ev.First {
					out = append(append(out, ev.Opcode.String()...), '(')
				}
				out = hex.AppendEncode(out, ev.Payload)
				if ev.Last {
					out = append(out, ") "...)
				}
				inMessage = !ev.Last
			}
			if inMessage && !d.inMessage() && d.stage != stageFailed {
				t.Fatal("inMessage is false inside a message")
			}
		}
	}
	return string(out)
}

// checkEvent checks one event that came from n of size bytes.
func checkEvent(t testing.TB, ev Event, n, size int, inMessage bool) {
	switch {
	case n < 0 || n > size:
		t.Fatalf("n is %d of %d", n, size)
	case ev.Opcode == Continuation:
		if ev.Payload != nil || ev.First || ev.Last || n != size {
			t.Fatalf("nothing more: got %+v and n %d of %d", ev, n, size)
		}
	case ev.Opcode.isReserved():
		t.Fatalf("event of a reserved opcode: %+v", ev)
	case ev.Opcode.IsControl():
		if !ev.First || !ev.Last || len(ev.Payload) > MaxControlPayload {
			t.Fatalf("control event: %+v", ev)
		}
	case ev.First == inMessage:
		t.Fatalf("First is %v with inMessage %v", ev.First, inMessage)
	case len(ev.Payload) == 0 && !ev.First && !ev.Last:
		t.Fatal("an empty piece in the middle of a message")
	}
	if len(ev.Payload) != cap(ev.Payload) {
		t.Fatal("the payload's capacity reaches into bytes behind it")
	}
}

// checkSticky checks that an error is an *Error and comes again on each call.
func checkSticky(t testing.TB, d *Decoder, n int, err error) {
	t.Helper()
	if _, ok := err.(*Error); !ok || n != 0 {
		t.Fatalf("error %T with n %d", err, n)
	}
	for _, b := range [][]byte{nil, {0x82, 0x80, 0, 0, 0, 0}} {
		ev, n, again := d.Next(b)
		if again != err || n != 0 || ev.Opcode != Continuation {
			t.Fatalf("after an error: %+v, %d, %v", ev, n, again)
		}
	}
	if d.Remaining() != 0 || d.AtRest() {
		t.Fatalf("after an error: Remaining %d, AtRest %v", d.Remaining(), d.AtRest())
	}
}

func whole(left int) int      { return left }
func byteByByte(left int) int { return 1 }

// cutAt cuts once, at offset at.
func cutAt(at int) func(int) int {
	return func(left int) int {
		if at > 0 && at < left {
			n := at
			at = 0
			return n
		}
		return left
	}
}

// wire writes frames as a peer of role's would.
type wire struct {
	role Role
	b    []byte
}

func (w *wire) frame(op Opcode, fin bool, payload string) *wire {
	h := Header{Fin: fin, Opcode: op}
	if w.role == Server {
		h.Masked = true
		h.MaskingKey = mask.KeyFromBytes([4]byte{0x37, 0xfa, 0x21, byte(0x3d + len(w.b))})
	}
	w.b = AppendFrame(w.b, h, []byte(payload))
	return w
}

// session is a stream of bytes from the peer, and the trace it must give.
type session struct {
	name   string
	limits Limits
	frames func(w *wire)
	want   string
}

func (s session) bytes(role Role) []byte {
	w := &wire{role: role}
	s.frames(w)
	return w.b
}

// bad is the end of a trace.
func bad(err *Error) string { return "!" + err.Error() }

var sessions = []session{
	{"empty text", Limits{}, func(w *wire) { w.frame(Text, true, "") }, "Text() "},
	{"empty binary", Limits{}, func(w *wire) { w.frame(Binary, true, "") }, "Binary() "},
	{"one byte", Limits{}, func(w *wire) { w.frame(Binary, true, "a") }, "Binary(61) "},
	{"two messages", Limits{}, func(w *wire) { w.frame(Text, true, "ab").frame(Binary, true, "cd") }, "Text(6162) Binary(6364) "},
	{"16-bit length", Limits{}, func(w *wire) { w.frame(Text, true, strings.Repeat("a", 126)) }, "Text(" + strings.Repeat("61", 126) + ") "},
	{"fragments", Limits{}, func(w *wire) {
		w.frame(Text, false, "ab").frame(Continuation, false, "c").frame(Continuation, true, "d")
	}, "Text(61626364) "},
	{"fragments, then a message", Limits{}, func(w *wire) {
		w.frame(Binary, false, "ab").frame(Continuation, true, "c").frame(Text, true, "d")
	}, "Binary(616263) Text(64) "},
	{"empty first fragment", Limits{}, func(w *wire) { w.frame(Text, false, "").frame(Continuation, true, "a") }, "Text(61) "},
	{"empty middle fragment", Limits{}, func(w *wire) {
		w.frame(Text, false, "a").frame(Continuation, false, "").frame(Continuation, true, "b")
	}, "Text(6162) "},
	{"empty last fragment", Limits{}, func(w *wire) { w.frame(Text, false, "a").frame(Continuation, true, "") }, "Text(61) "},
	{"all fragments empty", Limits{}, func(w *wire) {
		w.frame(Text, false, "").frame(Continuation, false, "").frame(Continuation, true, "").frame(Binary, true, "a")
	}, "Text() Binary(61) "},
	{"empty first fragment, then silence", Limits{}, func(w *wire) { w.frame(Text, false, "") }, "Text("},
	{"control frames", Limits{}, func(w *wire) {
		w.frame(Ping, true, "").frame(Pong, true, "pong").frame(Ping, true, strings.Repeat("x", 125))
	}, "<Ping ><Pong 706f6e67><Ping " + strings.Repeat("78", 125) + ">"},
	{"control frames between fragments", Limits{}, func(w *wire) {
		w.frame(Text, false, "a").frame(Ping, true, "1").frame(Pong, true, "").frame(Continuation, false, "").
			frame(Ping, true, "2").frame(Continuation, true, "b").frame(Close, true, "\x03\xe8")
	}, "Text(61<Ping 31><Pong ><Ping 32>62) <Close 03e8>"},
	{"control frame before the first byte", Limits{}, func(w *wire) {
		w.frame(Binary, false, "").frame(Ping, true, "1").frame(Continuation, true, "b")
	}, "Binary(<Ping 31>62) "},
	{"close with a reason", Limits{}, func(w *wire) { w.frame(Close, true, "\x03\xe9bye") }, "<Close 03e9627965>"},
	{"text of many alphabets", Limits{}, func(w *wire) { w.frame(Text, true, "aé€😀 Grüße, 世界") }, fmt.Sprintf("Text(%x) ", "aé€😀 Grüße, 世界")},
	{"sequence over fragments", Limits{}, func(w *wire) {
		w.frame(Text, false, "\xf0").frame(Continuation, false, "\x9f\x98").frame(Ping, true, "\xff").frame(Continuation, true, "\x80")
	}, "Text(f09f98<Ping ff>80) "},
	{"binary is not text", Limits{}, func(w *wire) { w.frame(Binary, true, "\xff\xfe") }, "Binary(fffe) "},

	{"bad text at once", Limits{}, func(w *wire) { w.frame(Text, true, "\xff") }, bad(ErrInvalidUTF8)},
	{"bad text after some", Limits{}, func(w *wire) { w.frame(Text, true, "ab\xffcd") }, "Text(6162" + bad(ErrInvalidUTF8)},
	{"bad text in a long message", Limits{}, func(w *wire) { w.frame(Text, true, strings.Repeat("a", 130)+"\xc0\xaf") },
		"Text(" + strings.Repeat("61", 130) + bad(ErrInvalidUTF8)},
	{"bad text within a sequence", Limits{}, func(w *wire) { w.frame(Text, true, "a\xe2\x82b") }, "Text(61e282" + bad(ErrInvalidUTF8)},
	{"bad text in a fragment", Limits{}, func(w *wire) { w.frame(Text, false, "a").frame(Continuation, true, "b\xed\xa0") },
		"Text(6162ed" + bad(ErrInvalidUTF8)},
	{"bad text over fragments", Limits{}, func(w *wire) { w.frame(Text, false, "\xf4").frame(Continuation, true, "\x90\x80\x80") },
		"Text(f4" + bad(ErrInvalidUTF8)},
	{"text ends within a sequence", Limits{}, func(w *wire) { w.frame(Text, true, "a\xe2\x82") }, "Text(61e2" + bad(ErrInvalidUTF8)},
	{"text is half a sequence", Limits{}, func(w *wire) { w.frame(Text, true, "\xe2") }, bad(ErrInvalidUTF8)},
	{"text ends within a sequence, last fragment empty", Limits{}, func(w *wire) {
		w.frame(Text, false, "a\xe2").frame(Continuation, true, "")
	}, "Text(61e2" + bad(ErrInvalidUTF8)},
	{"bad text before other faults", Limits{}, func(w *wire) { w.frame(Text, false, "\xff").frame(7, true, "") }, bad(ErrInvalidUTF8)},

	{"nothing to continue", Limits{}, func(w *wire) { w.frame(Continuation, true, "a") }, bad(errUnexpectedContinuation)},
	{"nothing to continue any more", Limits{}, func(w *wire) {
		w.frame(Text, false, "a").frame(Continuation, true, "b").frame(Continuation, true, "c")
	}, "Text(6162) " + bad(errUnexpectedContinuation)},
	{"message inside a message", Limits{}, func(w *wire) { w.frame(Text, false, "a").frame(Text, true, "b") },
		"Text(61" + bad(errExpectedContinuation)},
	{"message inside a message, after a ping", Limits{}, func(w *wire) {
		w.frame(Binary, false, "a").frame(Ping, true, "").frame(Binary, false, "b")
	}, "Binary(61<Ping >" + bad(errExpectedContinuation)},
	{"fragmented ping", Limits{}, func(w *wire) { w.frame(Ping, false, "a") }, bad(errFragmentedControl)},
	{"ping of 126 bytes", Limits{}, func(w *wire) { w.frame(Ping, true, strings.Repeat("a", 126)) }, bad(errControlTooLong)},
	{"reserved data opcode", Limits{}, func(w *wire) { w.frame(Binary, true, "a").frame(3, true, "b") }, "Binary(61) " + bad(errReservedOpcode)},
	{"reserved control opcode", Limits{}, func(w *wire) { w.frame(11, true, "b") }, bad(errReservedOpcode)},

	{"at the size limit", Limits{MaxMessageSize: 4}, func(w *wire) {
		w.frame(Binary, true, "abcd").frame(Binary, false, "ab").frame(Continuation, false, "").frame(Continuation, true, "cd")
	}, "Binary(61626364) Binary(61626364) "},
	{"over the size limit", Limits{MaxMessageSize: 4}, func(w *wire) { w.frame(Binary, true, "abcde") }, bad(ErrMessageTooBig)},
	{"over the size limit in fragments", Limits{MaxMessageSize: 4}, func(w *wire) {
		w.frame(Text, false, "abc").frame(Continuation, true, "de")
	}, "Text(616263" + bad(ErrMessageTooBig)},
	{"pings are not counted", Limits{MaxMessageSize: 4, MaxFragments: 2}, func(w *wire) {
		w.frame(Text, false, "abc").frame(Ping, true, "abcdef").frame(Pong, true, "abcdef").frame(Continuation, true, "d")
	}, "Text(616263<Ping 616263646566><Pong 616263646566>64) "},
	{"over the fragment limit", Limits{MaxFragments: 2}, func(w *wire) {
		w.frame(Text, false, "a").frame(Continuation, false, "b").frame(Continuation, true, "c")
	}, "Text(6162" + bad(ErrTooManyFragments)},
	{"limits count anew for each message", Limits{MaxMessageSize: 2, MaxFragments: 2}, func(w *wire) {
		for range 3 {
			w.frame(Text, false, "a").frame(Continuation, true, "b")
		}
	}, "Text(6162) Text(6162) Text(6162) "},
	{"two faults in one header", Limits{}, func(w *wire) {
		w.frame(Text, false, "a")
		w.b = append(w.b, 0x71, 0xff) // RSV bits, unexpected opcode
	}, "Text(61" + bad(errReservedBits)},
}

// inMessage reports whether a message has begun that is not at its end.
func (d *Decoder) inMessage() bool { return d.opcode != Continuation }

// isData reports whether o is Continuation, Text or Binary.
func (o Opcode) isData() bool { return o <= Binary }
