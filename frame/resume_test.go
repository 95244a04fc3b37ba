package frame

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// RFC 6455 leaves no trace of how TCP cuts the stream: neither may a Decoder.
func TestDecoderSessionsHoweverCut(t *testing.T) {
	for _, s := range sessions {
		for _, role := range []Role{Server, Client} {
			t.Run(s.name+"/"+role.String(), func(t *testing.T) {
				in := s.bytes(role)
				checkCuts(t, role, s.limits, in, s.want)
			})
		}
	}
}

// All the sessions that do not fail, one behind the other.
func TestDecoderLongSessionHoweverCut(t *testing.T) {
	for _, role := range []Role{Server, Client} {
		var in []byte
		var want strings.Builder
		for range 2 {
			for _, s := range sessions {
				if strings.Contains(s.want, "!") || strings.HasSuffix(s.want, "(") {
					continue
				}
				in = append(in, s.bytes(role)...)
				want.WriteString(s.want)
			}
		}
		checkCuts(t, role, Limits{}, in, want.String())
	}
}

// 16-bit and 64-bit lengths at their ends, cut everywhere near a header.
func TestDecoderLengthFormsHoweverCut(t *testing.T) {
	for _, size := range []int{125, 126, 127, 128, 65535, 65536, 65537} {
		for _, role := range []Role{Server, Client} {
			w := &wire{role: role}
			w.frame(Binary, false, strings.Repeat("a", size)).frame(Continuation, true, strings.Repeat("b", size))
			want := "Binary(" + strings.Repeat("61", size) + strings.Repeat("62", size) + ") "
			if got := traceOf(t, role, Limits{}, w.b, whole); got != want {
				t.Fatalf("size %d, %v: wrong trace", size, role)
			}
			second := len(w.b) / 2
			for _, at := range []int{0, second - 16} {
				for offset := range 32 {
					if got := traceOf(t, role, Limits{}, w.b, cutAt(at+offset)); got != want {
						t.Fatalf("size %d, %v, cut at %d: wrong trace", size, role, at+offset)
					}
				}
			}
			if size > 65535 || role == Client && size > 1000 {
				continue // would only take time
			}
			if got := traceOf(t, role, Limits{}, w.b, byteByByte); got != want {
				t.Fatalf("size %d, %v, byte by byte: wrong trace", size, role)
			}
		}
	}
}

func checkCuts(t *testing.T, role Role, limits Limits, in []byte, want string) {
	t.Helper()
	if got := traceOf(t, role, limits, in, whole); got != want {
		t.Fatalf("whole:\ngot  %s\nwant %s", got, want)
	}
	if got := traceOf(t, role, limits, in, byteByByte); got != want {
		t.Fatalf("byte by byte:\ngot  %s\nwant %s", got, want)
	}
	for at := range in {
		if got := traceOf(t, role, limits, in, cutAt(at)); got != want {
			t.Fatalf("cut at %d:\ngot  %s\nwant %s", at, got, want)
		}
	}
	rng := rand.New(rand.NewPCG(6455, uint64(len(in))))
	for round := range 100 {
		most := 1 + round%20
		cut := func(left int) int { return min(left, 1+rng.IntN(most)) }
		if got := traceOf(t, role, limits, in, cut); got != want {
			t.Fatalf("round %d of random cuts:\ngot  %s\nwant %s", round, got, want)
		}
	}
}

// FuzzDecoderCuts compares any bytes whole with the same bytes one by one and cut
// at two places.
func FuzzDecoderCuts(f *testing.F) {
	for _, s := range sessions {
		f.Add(s.bytes(Server), false, uint16(1), uint16(3))
		f.Add(s.bytes(Client), true, uint16(2), uint16(7))
	}
	for _, c := range refused {
		f.Add(fromHex(f, c.hex), c.role == Client, uint16(0), uint16(0))
	}
	f.Fuzz(func(t *testing.T, in []byte, client bool, first, second uint16) {
		role, limits := Server, Limits{}
		if client {
			role, limits = Client, Limits{MaxMessageSize: 1000, MaxFragments: 5}
		}
		want := traceOf(t, role, limits, in, whole)
		if got := traceOf(t, role, limits, in, byteByByte); got != want {
			t.Fatalf("%v, byte by byte:\ngot  %s\nwant %s", role, got, want)
		}
		sizes := []int{1 + int(first), 1 + int(second)}
		cut := func(left int) int {
			if len(sizes) == 0 {
				return left
			}
			n := min(left, sizes[0])
			sizes = sizes[1:]
			return n
		}
		if got := traceOf(t, role, limits, in, cut); got != want {
			t.Fatalf("cut after %d and %d:\ngot  %s\nwant %s", first, second, got, want)
		}
	})
}

// A Decoder is used again after Reset as if it were new, wherever it stood.
func TestDecoderResetFromAnyState(t *testing.T) {
	w := (&wire{role: Server}).frame(Text, false, "a\xe2").frame(Ping, true, "ping").frame(Continuation, true, "\x82\xac").
		frame(Binary, true, strings.Repeat("b", 300)).frame(Text, true, "\xff")
	after := (&wire{role: Client}).frame(Text, true, "é").frame(Pong, true, "p")
	for at := range len(w.b) + 1 {
		var d Decoder
		traceWith(t, &d, w.b[:at], byteByByte)
		d.Reset(Client, Limits{})
		if !d.AtRest() || d.InMessage() || d.Remaining() != 0 {
			t.Fatalf("after %d bytes: Reset left state", at)
		}
		if got, want := traceWith(t, &d, after.b, byteByByte), "Text(c3a9) <Pong 70>"; got != want {
			t.Fatalf("after %d bytes and Reset:\ngot  %s\nwant %s", at, got, want)
		}
	}
}

// What AtRest says must be true: a fresh Decoder goes on as this one would.
func TestDecoderAtRestHasNoStateWorthKeeping(t *testing.T) {
	w := (&wire{role: Server}).frame(Text, false, "a").frame(Ping, true, "ping").frame(Continuation, true, "b").
		frame(Binary, true, "c").frame(Ping, true, "").frame(Text, true, strings.Repeat("d", 126))
	rests := 0
	for at := range len(w.b) + 1 {
		var d, fresh Decoder
		traceWith(t, &d, w.b[:at], byteByByte)
		if !d.AtRest() {
			continue
		}
		rests++
		rest := bytes.Clone(w.b[at:])
		if got, want := traceWith(t, &fresh, rest, whole), traceWith(t, &d, rest, whole); got != want {
			t.Fatalf("at rest after %d bytes: a fresh Decoder goes on with\n%s\nnot\n%s", at, got, want)
		}
	}
	// Before the first message, after each, and after the ping between them.
	if rests != 5 {
		t.Errorf("at rest at %d offsets, want 5", rests)
	}
}
