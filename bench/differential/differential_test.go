package differential

import (
	"bytes"
	"encoding/binary"
	"flag"
	"math/rand/v2"
	"testing"

	"github.com/framerail/framerail/frame"
	"github.com/framerail/framerail/mask"
)

var streams = flag.Int("streams", 5_000, "how many streams TestReadersAgree makes")

// TestReadersAgree gives readers streams of frames made at random, most of them with
// something wrong, and fails at a difference that no class explains.
func TestReadersAgree(t *testing.T) {
	rnd := rand.New(rand.NewPCG(6455, 22))
	seen := map[string]int{}
	for i := range *streams {
		in := makeStream(rnd)
		want := readFramerail(in)
		for name, read := range readers {
			c := check(t, name, read, in, want)
			seen[c]++
		}
		if t.Failed() {
			t.Fatalf("stream %d", i)
		}
	}
	for _, c := range classes {
		if seen[c.String()] == 0 {
			t.Errorf("no stream shows %q any more: does the reader still do so?", c)
		}
	}
	for class, n := range seen {
		t.Logf("%7d %s", n, class)
	}
}

func check(t *testing.T, name string, read func([]byte) outcome, in []byte, want outcome) string {
	got := read(bytes.Clone(in))
	c := explain(name, in, got, want)
	if c == "" {
		t.Errorf("%x\n%s: %v, %v (%d) %.300q\nframerail: %v, %v (%d) %.300q", in, name, got.end, got.why, got.code, got.items, want.end, want.why, want.code, want.items)
	}
	return c
}

// FuzzReaders does the same with any bytes.
func FuzzReaders(f *testing.F) {
	rnd := rand.New(rand.NewPCG(6455, 22))
	for range 100 {
		f.Add(makeStream(rnd))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		want := readFramerail(in)
		for name, read := range readers {
			check(t, name, read, in, want)
		}
	})
}

// makeStream makes frames that follow each other as they should, and then changes
// none to three things.
func makeStream(rnd *rand.Rand) []byte {
	var in []byte
	fragmented := false
	for range 1 + rnd.IntN(6) {
		h := frame.Header{Fin: rnd.IntN(3) > 0, Masked: true, MaskingKey: mask.Key(rnd.Uint32())}
		switch n := rnd.IntN(10); {
		case n < 3:
			h.Fin, h.Opcode = true, controls[rnd.IntN(len(controls))]
		case fragmented:
			h.Opcode, fragmented = frame.Continuation, !h.Fin
		default:
			h.Opcode, fragmented = frame.Text+frame.Opcode(rnd.IntN(2)), !h.Fin
		}
		payload := makePayload(rnd, h.Opcode)
		if rnd.IntN(60) == 0 {
			h = oddHeader(rnd, h)
		}
		in = frame.AppendFrame(in, h, payload)
		if rnd.IntN(40) == 0 {
			in = appendLong(in, h, payload, rnd.IntN(2) == 0)
		}
	}
	for range rnd.IntN(4) {
		switch rnd.IntN(4) {
		case 0:
			in[rnd.IntN(len(in))] ^= 1 << rnd.IntN(8)
		case 1:
			in = in[:1+rnd.IntN(len(in))]
		}
	}
	return in
}

var controls = []frame.Opcode{frame.Ping, frame.Pong, frame.Ping, frame.Pong, frame.Close}

// makePayload makes text that is mostly UTF-8, bytes, and what Close frames carry.
func makePayload(rnd *rand.Rand, op frame.Opcode) []byte {
	if op == frame.Close {
		code := uint16(1000 + rnd.IntN(20))
		if rnd.IntN(3) == 0 {
			code = uint16(rnd.IntN(6000))
		}
		payload := append(binary.BigEndian.AppendUint16(nil, code), texts[rnd.IntN(len(texts))]...)
		return payload[:min(len(payload), []int{0, 1, 2, 125}[rnd.IntN(4)])]
	}
	var payload []byte
	for range rnd.IntN(4) {
		payload = append(payload, texts[rnd.IntN(len(texts))]...)
	}
	if !op.IsControl() && rnd.IntN(20) == 0 {
		payload = append(payload, make([]byte, []int{126, 127, 1000, 65535, 65536}[rnd.IntN(5)])...)
	}
	return payload
}

var texts = []string{"", "a", "Hello", "größer", "€", "😀", "\xe2\x82", "\xac", "\xff", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\xaf"}

func oddHeader(rnd *rand.Rand, h frame.Header) frame.Header {
	switch rnd.IntN(5) {
	case 0:
		h.Masked = false
	case 1:
		h.Opcode = frame.Opcode(rnd.IntN(16))
	case 2:
		h.RSV1, h.RSV2, h.RSV3 = rnd.IntN(2) == 0, rnd.IntN(2) == 0, rnd.IntN(2) == 0
	default:
		h.Fin = !h.Fin
	}
	return h
}

// appendLong appends a frame with its length in a longer form than it needs.
func appendLong(in []byte, h frame.Header, payload []byte, sixteen bool) []byte {
	first := byte(h.Opcode)
	if h.Fin {
		first |= 0x80
	}
	if sixteen && len(payload) < 1<<16 {
		in = binary.BigEndian.AppendUint16(append(in, first, 0x80|126), uint16(len(payload)))
	} else {
		in = binary.BigEndian.AppendUint64(append(in, first, 0x80|127), uint64(len(payload)))
	}
	key := h.MaskingKey.Bytes()
	in = append(in, key[:]...)
	start := len(in)
	in = append(in, payload...)
	mask.XOR(in[start:], h.MaskingKey)
	return in
}
