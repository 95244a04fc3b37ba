package frame

import (
	"math"
	"strings"
	"testing"
)

// Inputs that brought other implementations down.

// attack feeds bytes to a Decoder and an Assembler as a server would and returns
// how much the Assembler held at its most, and the error.
func attack(limits Limits, frames ...[]byte) (held int, err error) {
	var d Decoder
	d.Reset(Server, limits)
	var a Assembler
	for _, b := range frames {
		for len(b) > 0 {
			ev, n, err := d.Next(b)
			if err != nil {
				return held, err
			}
			b = b[n:]
			a.Add(ev)
			held = max(held, cap(a.Buf))
		}
	}
	return held, nil
}

func claim(op Opcode, fin bool, length int64) []byte {
	return AppendHeader(nil, Header{Fin: fin, Opcode: op, Masked: true, PayloadLen: length})
}

// CVE-2020-27813, CVE-2020-13935: the largest lengths.
func TestAttackClaimedLength(t *testing.T) {
	top := []byte{0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}
	all := []byte{0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4}
	for _, c := range []struct {
		name   string
		limits Limits
		in     []byte
		want   error
	}{
		{"2^63-1", Limits{}, claim(Binary, true, math.MaxInt64), ErrMessageTooBig},
		{"2^63-1 in a first fragment", Limits{}, claim(Text, false, math.MaxInt64), ErrMessageTooBig},
		{"2^63", Limits{}, top, errLengthTopBit},
		{"2^63, no limit", Limits{MaxMessageSize: math.MaxInt64}, top, errLengthTopBit},
		{"2^64-1", Limits{}, all, errLengthTopBit},
		{"2^31", Limits{}, claim(Binary, true, 1<<31), ErrMessageTooBig},
		{"2^32, where int has 32 bits", Limits{}, claim(Binary, true, 1<<32), ErrMessageTooBig},
		{"2^32+1, where int has 32 bits", Limits{}, claim(Binary, true, 1<<32+1), ErrMessageTooBig},
		{"one over the limit", Limits{MaxMessageSize: 1 << 20}, claim(Binary, true, 1<<20+1), ErrMessageTooBig},
		{"the limit, then silence", Limits{MaxMessageSize: 1 << 30}, claim(Binary, true, 1<<30), nil},
		{"2^63-1 with no limit, then silence", Limits{MaxMessageSize: math.MaxInt64}, claim(Binary, true, math.MaxInt64), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			held, err := attack(c.limits, c.in)
			if err != c.want {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if held != 0 {
				t.Errorf("%d bytes are held for a claim alone", held)
			}
		})
	}
}

// A claim that cannot be held in an int of 32 bits is counted right while its
// payload comes.
func TestAttackLongClaimIsCountedIn64Bits(t *testing.T) {
	var d Decoder
	d.Reset(Server, Limits{MaxMessageSize: math.MaxInt64})
	if _, _, err := d.Next(claim(Binary, true, 1<<32)); err != nil {
		t.Fatal(err)
	}
	ev, n, err := d.Next(make([]byte, 1000))
	if n != 1000 || err != nil || ev.Last || d.Remaining() != 1<<32-1000 {
		t.Fatalf("got n %d, %v, Last %v, Remaining %d", n, err, ev.Last, d.Remaining())
	}
}

// CVE-2026-27889, CVE-2026-1528: sums over fragments that overflow.
func TestAttackSumOverFragments(t *testing.T) {
	ten := append(claim(Binary, false, 10), make([]byte, 10)...)
	for _, c := range []struct {
		name  string
		limit int64
		next  int64
		want  error
	}{
		{"10 + 2^63-1, no limit", math.MaxInt64, math.MaxInt64, ErrMessageTooBig},
		{"10 + 2^63-10, no limit", math.MaxInt64, math.MaxInt64 - 9, ErrMessageTooBig},
		{"10 + 2^63-11 is 2^63-1, no limit", math.MaxInt64, math.MaxInt64 - 10, nil},
		{"10 + 2^63-1", 0, math.MaxInt64, ErrMessageTooBig},
		{"10 + 2^32-10 is 0 in 32 bits", 0, 1<<32 - 10, ErrMessageTooBig},
		{"10 + 2^31-10 is negative in 32 bits", 0, 1<<31 - 10, ErrMessageTooBig},
		{"10 + limit - 9", 1000, 991, ErrMessageTooBig},
		{"10 + limit - 10", 1000, 990, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			held, err := attack(Limits{MaxMessageSize: c.limit}, ten, claim(Continuation, true, c.next))
			if err != c.want {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if held > 64 {
				t.Errorf("%d bytes are held for 10", held)
			}
		})
	}
}

// CVE-2026-48779, CVE-2026-12151: a million fragments under the byte limit.
func TestAttackFragmentFlood(t *testing.T) {
	for name, piece := range map[string]string{"empty": "", "one byte": "a"} {
		t.Run(name, func(t *testing.T) {
			w := (&wire{role: Server}).frame(Text, false, piece)
			one := (&wire{role: Server}).frame(Continuation, false, piece).b
			flood := append(w.b, []byte(strings.Repeat(string(one), 1<<20))...)
			held, err := attack(Limits{}, flood)
			if err != ErrTooManyFragments {
				t.Errorf("got %v", err)
			}
			if held > 2*defaultMaxFragments {
				t.Errorf("%d bytes are held for %d", held, defaultMaxFragments*len(piece))
			}
		})
	}
}

// The limit is exact: so many frames pass, one more does not.
func TestAttackFragmentLimitIsExact(t *testing.T) {
	const limit = 1000
	w := (&wire{role: Server}).frame(Binary, false, "a")
	for range limit - 2 {
		w.frame(Continuation, false, "a")
	}
	at := (&wire{role: Server}).frame(Continuation, true, "a").b
	if _, err := attack(Limits{MaxFragments: limit}, w.b, at); err != nil {
		t.Errorf("%d fragments: %v", limit, err)
	}
	w = (&wire{role: Server}).frame(Binary, false, "a")
	for range limit - 1 {
		w.frame(Continuation, false, "a")
	}
	if _, err := attack(Limits{MaxFragments: limit}, w.b, at); err != ErrTooManyFragments {
		t.Errorf("%d fragments: %v", limit+1, err)
	}
}

// CVE-2023-43669: a header parsed anew at each packet. A Decoder keeps at most
// MaxHeaderLen bytes of one, so the cost of a stream is linear in its bytes
// whatever its cuts.
func TestAttackHeaderByteByByte(t *testing.T) {
	var d Decoder
	b := claim(Binary, true, 1<<17)
	for i := range b {
		ev, n, err := d.Next(b[i : i+1])
		if ev.Opcode != Continuation || n != 1 || err != nil {
			t.Fatalf("byte %d: %+v, %d, %v", i, ev, n, err)
		}
		if int(d.held) > MaxHeaderLen {
			t.Fatalf("%d bytes of a header are held", d.held)
		}
	}
	if d.Remaining() != 1<<17 {
		t.Errorf("Remaining is %d", d.Remaining())
	}
}

// Unsolicited, duplicate and late pongs are only events.
func TestAttackPongs(t *testing.T) {
	w := &wire{role: Server}
	for range 1000 {
		w.frame(Pong, true, "never asked for")
	}
	if held, err := attack(Limits{}, w.b); held != 0 || err != nil {
		t.Errorf("%d bytes held, %v", held, err)
	}
}

// CVE-2016-10518: a sent frame holds the payload and nothing that lay in dst
// before.
func TestAttackNoOldBytesInAFrame(t *testing.T) {
	dst := []byte(strings.Repeat("secret", 20))
	for _, masked := range []bool{false, true} {
		got := AppendFrame(dst[:0], Header{Fin: true, Opcode: Ping, Masked: masked}, make([]byte, 30))
		if strings.ContainsAny(string(got), "secret") {
			t.Errorf("masked %v: %q", masked, got)
		}
	}
}
