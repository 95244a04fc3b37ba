package frame

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/framerail/framerail/mask"
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

// A frame is unmasked with the key turned by the pieces before, long ones too.
func TestDecoderLongPieces(t *testing.T) {
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	for _, piece := range []int{64<<10 + 1, 1<<20 - 1, 1 << 20, 1<<20 + 1, 1<<20 + 2, 1<<20 + 3} {
		want := make([]byte, 3*piece)
		for i := range want {
			want[i] = byte(i * 7)
		}
		in := AppendHeader(nil, Header{Fin: true, Opcode: Binary, Masked: true, MaskingKey: mask.KeyFromBytes(key), PayloadLen: int64(len(want))})
		head := len(in)
		for i, b := range want {
			in = append(in, b^key[i%4])
		}
		whole := AppendFrame(nil, Header{Fin: true, Opcode: Binary, Masked: true, MaskingKey: mask.KeyFromBytes(key)}, want)
		if !bytes.Equal(whole, in) {
			t.Errorf("%d bytes are masked otherwise by AppendFrame", len(want))
		}

		var d Decoder
		d.Reset(Server, Limits{MaxMessageSize: 4 << 20})
		if _, n, err := d.Next(in[:head]); n != head || err != nil {
			t.Fatal(n, err)
		}
		var got []byte
		for at := head; at < len(in); at += piece {
			ev, n, err := d.Next(in[at : at+piece])
			if n != piece || err != nil {
				t.Fatal(n, err)
			}
			got = append(got, ev.Payload...)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("pieces of %d bytes: unmasked otherwise than byte by byte", piece)
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

// FuzzDecoderCuts compares what a Decoder makes of any bytes with the oracle, and
// the bytes whole with the same bytes one by one and cut as cuts says: each of its
// bytes is the length of a piece, less one, over and over.
func FuzzDecoderCuts(f *testing.F) {
	for _, s := range sessions {
		f.Add(s.bytes(Server), uint8(0), []byte{1, 3})
		f.Add(s.bytes(Client), uint8(1), []byte{2, 0, 7})
		f.Add(s.bytes(Server), uint8(2), []byte{0, 255})
	}
	for _, c := range refused {
		f.Add(fromHex(f, c.hex), uint8(c.role), []byte(nil))
	}
	f.Fuzz(func(t *testing.T, in []byte, mode uint8, cuts []byte) {
		role, limits := Role(mode&1), Limits{}
		if mode&2 != 0 {
			limits = Limits{MaxMessageSize: 300, MaxFragments: 4}
		}
		want, messages := plainDecode(role, limits, in)
		if got := traceOf(t, role, limits, in, whole); got != want {
			t.Fatalf("%v, whole:\ngot  %s\nwant %s", role, got, want)
		}
		if got := traceOf(t, role, limits, in, byteByByte); got != want {
			t.Fatalf("%v, byte by byte:\ngot  %s\nwant %s", role, got, want)
		}
		if len(cuts) == 0 {
			return
		}
		piece := 0
		cut := func(left int) int {
			piece++
			return min(left, 1+int(cuts[(piece-1)%len(cuts)]))
		}
		if got := traceOf(t, role, limits, in, cut); got != want {
			t.Fatalf("%v, cut as % x:\ngot  %s\nwant %s", role, cuts, got, want)
		}
		piece = 0
		if got := inPlace(role, limits, in, cut); !slices.Equal(got, messages) {
			t.Fatalf("%v, read in place, cut as % x:\ngot  %q\nwant %q", role, cuts, got, messages)
		}
	})
}

// inPlace decodes as a connection does that reads payload straight into the room of
// an Assembler, and returns the messages that are whole.
func inPlace(role Role, limits Limits, in []byte, cut func(left int) int) (messages []string) {
	var d Decoder
	d.Reset(role, limits)
	var a Assembler
	for len(in) > 0 {
		n := cut(len(in))
		b := bytes.Clone(in[:n])
		if left := d.Remaining(); left > 0 {
			n = int(min(int64(n), left))
			spare := a.Spare(n)
			b = spare[:copy(spare[:n], in)]
		}
		in = in[n:]
		for len(b) > 0 {
			ev, n, err := d.Next(b)
			if err != nil {
				return messages
			}
			b = b[n:]
			msg, complete := a.Add(ev)
			if !complete || msg.Opcode.IsControl() {
				continue
			}
			messages = append(messages, string(msg.Payload))
			if len(messages)%2 == 0 {
				a.Reset()
			} else {
				a.Take()
			}
		}
	}
	return messages
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
		if !d.AtRest() || d.inMessage() || d.Remaining() != 0 {
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

// String returns "Server" or "Client".
func (r Role) String() string {
	if r == Client {
		return "Client"
	}
	return "Server"
}
