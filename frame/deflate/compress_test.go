package deflate

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// conversation compresses payloads one after the other and inflates them again, with
// windows of so many bits, and checks what comes back and how long a distance was.
func conversation(t *testing.T, c Compressor, takeover bool, payloads [][]byte) {
	t.Helper()
	bits := c.WindowBits
	if bits == 0 {
		bits = MaxWindowBits
	}
	var f Inflater
	var out, in, std Window
	for i, p := range payloads {
		msg := c.Append(nil, p, &out, true)
		if len(msg) > Bound(len(p)) {
			t.Fatalf("message %d: %d bytes for %d, bound %d", i, len(msg), len(p), Bound(len(p)))
		}
		want, err := stdInflate(msg, std.Append(nil), len(p))
		if err != nil || !bytes.Equal(want, p) {
			t.Fatalf("message %d: by the standard library %d bytes, want %d: %v", i, len(want), len(p), err)
		}
		got, err := inflateAll(&f, msg, &in, bits, 4096, 1024, len(p))
		if err != nil || !bytes.Equal(got, p) {
			t.Fatalf("message %d: %d bytes, want %d: %v", i, len(got), len(p), err)
		}
		if !takeover {
			out, in, std = Window{}, Window{}, Window{}
			continue
		}
		for _, w := range []*Window{&out, &std} {
			if n := w.Lack(len(p), bits); n > 0 {
				w.Use(make([]byte, n))
			}
			w.Add(p)
		}
	}
}

// RFC 7692 7.1.2: what was agreed bounds every distance, over messages too.
func TestAppend_WindowIsTheAgreedOne(t *testing.T) {
	all := samples()
	payloads := [][]byte{all["short"], all["empty"], all["short"], all["words"], all["one"], all["noise"], all["mixed"], all["run"], all["words"][5000:9000], records(700), records(700), records(70_000)}
	for bits := minWindowBits; bits <= MaxWindowBits; bits++ {
		for _, takeover := range []bool{false, true} {
			t.Run(fmt.Sprintf("bits=%d/takeover=%t", bits, takeover), func(t *testing.T) {
				conversation(t, Compressor{WindowBits: bits}, takeover, payloads)
			})
		}
	}
	for level := range maxLevel + 1 {
		t.Run(fmt.Sprintf("level=%d", level), func(t *testing.T) {
			conversation(t, Compressor{Level: level}, true, payloads)
		})
	}
}

// RFC 7692 7.2.1: the fragments of a message are one piece of DEFLATE data.
func TestAppend_PartsAreOneMessage(t *testing.T) {
	p := records(50_000)
	var msg []byte
	var w Window
	w.Use(make([]byte, 1<<15))
	for rest := p; ; {
		part := rest[:min(len(rest), 3000)]
		rest = rest[len(part):]
		msg = Compressor{}.Append(msg, part, &w, len(rest) == 0)
		w.Add(part)
		if len(rest) == 0 {
			break
		}
	}
	got, err := stdInflate(msg, nil, len(p))
	if err != nil || !bytes.Equal(got, p) {
		t.Fatalf("%d bytes, want %d: %v", len(got), len(p), err)
	}
	if alone := 17 * len(Compressor{}.Append(nil, p[:3000], nil, true)); len(msg) > alone*7/8 {
		t.Errorf("%d bytes, and %d if no part referred to another", len(msg), alone)
	}
}

// RFC 7692 7.2.3.6.
func TestAppend_EmptyMessageIsOneByte(t *testing.T) {
	if msg := (Compressor{}).Append(nil, nil, nil, true); !bytes.Equal(msg, []byte{0}) {
		t.Errorf("%x", msg)
	}
}

func TestWindow_HoldsTheLastBytes(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		bits := minWindowBits + rnd.IntN(5)
		var w Window
		var all []byte
		for range rnd.IntN(30) {
			p := make([]byte, rnd.IntN(1<<rnd.IntN(bits+2)))
			for i := range p {
				p[i] = byte(rnd.Uint32())
			}
			if n := w.Lack(len(p), bits); n > 0 {
				w.Use(make([]byte, n))
			}
			w.Add(p)
			all = append(all, p...)
			want := all[max(0, len(all)-1<<bits):]
			if got := w.Append(nil); !bytes.Equal(got, want) {
				t.Fatalf("%d bits: holds %d bytes, want %d", bits, len(got), len(want))
			}
			if len(want) == 0 {
				continue
			}
			back := 1 + rnd.IntN(len(want))
			dst := make([]byte, rnd.IntN(back+10))
			n := w.copyFrom(dst, back)
			if n != min(len(dst), back) || !bytes.Equal(dst[:n], want[len(want)-back:][:n]) {
				t.Fatalf("%d bits: %d bytes from %d back, of %d held", bits, n, back, len(want))
			}
		}
	}
}

// FuzzRoundTrip compresses whatever there is, with any window, and has the standard
// library and the Inflater agree on it.
func FuzzRoundTrip(f *testing.F) {
	f.Add(uint8(15), uint8(1), true, []byte("Hello, Hello"), []byte("Hello again, Hello"))
	f.Add(uint8(8), uint8(6), false, records(600), records(900))
	f.Fuzz(func(t *testing.T, bits, level uint8, takeover bool, a, b []byte) {
		c := Compressor{Level: int(level % 10), WindowBits: minWindowBits + int(bits%8)}
		conversation(t, c, takeover, [][]byte{a, b, append(bytes.Clone(a), b...), a})
	})
}
